import { describe, expect, it } from 'vitest';
import { playSeed } from './world/world.ts';

const SEEDS = 3000;
const CHUNK = 500;

/**
 * The engine in a simulated world: workers that crash, freeze and come back as zombies, lost acks, late and doubled writes, refused
 * commits, compaction, small bounds, all kinds of jobs. Longer runs: `npx node test/unit/engine/world/main.ts --seeds 100000`.
 */
describe('in any world', () => {
  const chunks = Array.from({ length: SEEDS / CHUNK }, (_, index) => index * CHUNK + 1);

  it.each(chunks)(
    'loses nothing, keeps each entity in order, and repeats no more than a lane’s end (seeds from %i)',
    { timeout: 60_000 },
    (from) => {
      let starts = 0;
      for (let seed = from; seed < from + CHUNK; seed++) {
        const { violations, starts: started } = playSeed({ seed });
        starts += started;
        const replay = `npx node test/unit/engine/world/main.ts --seed ${seed} --trace`;
        expect([...violations], `seed ${seed} broke; see its story: ${replay}`).toEqual([]);
      }
      expect(starts).toBeGreaterThan(CHUNK);
    },
  );

  it('tells the same story for the same seed', () => {
    const story = (): string[] => {
      const lines: string[] = [];
      playSeed({ seed: 7, trace: (...line) => lines.push(line.join(' ')) });
      return lines;
    };
    expect(story()).toEqual(story());
  });
});

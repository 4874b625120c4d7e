import type { OpenSpill } from '../../shared/bodies/spillStore.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Dice } from './dice.ts';

const SLOWEST_MS = 20;
const REFUSED_SHARE = 0.1;

/** A worker's disk for what its waiting jobs carry. It takes its time, and refuses some writes; what it took it gives back. */
export function createSimulatedDisk(clock: Clock, dice: Dice): OpenSpill {
  const takeTime = (): Promise<void> => new Promise((resolve) => { clock.after(dice.between(0, SLOWEST_MS), resolve); });
  return async () => {
    const bodies = new Map<number, string>();
    let last = 0;
    await takeTime();
    return {
      async write(batch) {
        await takeTime();
        if (dice.hit(REFUSED_SHARE)) throw new Error('the simulated disk is full');
        return Array.from({ length: batch.count }, (_, index) => {
          bodies.set(++last, batch.textOf(index));
          return last;
        });
      },
      async read(places) {
        await takeTime();
        return places.map(({ place }) => bodies.get(place) ?? null);
      },
      free({ place }) {
        if (!bodies.delete(place)) throw new Error(`the body at ${place} was freed before`);
      },
      get bytes() { return bodies.size; },
      close: () => Promise.resolve(),
    };
  };
}

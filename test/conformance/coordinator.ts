import { describe, expect, it } from 'vitest';

/** What became of a commit: taken; refused until the group is at rest, when it may be tried again; or refused for good. */
export type Verdict = 'taken' | 'not now' | 'no member';

/**
 * A group's coordinator with two members, `first` and `second`, one rebalance step at a time. Drivers hide these steps; the simulated coordinator
 * must take the same commits in each of them as the real one.
 */
export interface CoordinatorStage {
  /** `first` joins alone, and the group comes to rest. */
  open(): Promise<void>;
  /** `second` asks to join: the group waits for the others to join again. */
  disturb(): Promise<void>;
  /** All have joined again: there is a new generation, and nobody has its share yet. */
  joinAll(): Promise<void>;
  /** All have their shares. */
  syncAll(): Promise<void>;
  generation(): number;
  /** Commits as `first` in a generation. */
  commit(generation: number, offset: number): Promise<Verdict>;
  committed(): Promise<number | null>;
  /** The group forgets `first`. */
  expel(): Promise<void>;
  close(): Promise<void>;
}

export function describeCoordinator(name: string, createStage: () => Promise<CoordinatorStage>): void {
  describe(`${name}: a commit`, () => {
    it('is taken while the group waits for its members, not between joins and shares, and in no generation but the present one', async () => {
      const stage = await createStage();
      try {
        await stage.open();
        const old = stage.generation();
        expect(await stage.commit(old, 1), 'at rest').toBe('taken');
        expect(await stage.commit(old - 1, 66), 'at rest, in an earlier generation').toBe('not now');
        expect(await stage.commit(old + 1, 66), 'at rest, in a generation to come').toBe('not now');

        await stage.disturb();
        expect(stage.generation(), 'joins do not make a generation before all have joined').toBe(old);
        expect(await stage.commit(old, 2), 'while members join').toBe('taken');

        await stage.joinAll();
        const next = stage.generation();
        expect(next).toBe(old + 1);
        expect(await stage.commit(old, 66), 'between joins and shares, in the old generation').toBe('not now');
        expect(await stage.commit(next, 66), 'between joins and shares, in the new generation').toBe('not now');
        expect(await stage.committed()).toBe(2);

        await stage.syncAll();
        expect(await stage.commit(old, 66), 'at rest again, in the old generation').toBe('not now');
        expect(await stage.commit(next, 3), 'at rest again').toBe('taken');

        await stage.expel();
        expect(await stage.commit(next, 66), 'of a member that was expelled').toBe('no member');
        expect(await stage.committed()).toBe(3);
      } finally {
        await stage.close();
      }
    });
  });
}

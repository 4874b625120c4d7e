import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { createGroup, type MemberClient } from '../../shared/kafka/memory/group.ts';
import type { World } from '../../shared/kafka/memory/world.ts';
import { createVirtualClock } from '../../shared/testing/index.ts';
import type { CoordinatorStage, Verdict } from './coordinator.ts';

const JOIN_MS = 10;
const SYNC_MS = 7;

/** The simulated coordinator, whose steps are moments of virtual time. */
export function createMemoryCoordinator(): CoordinatorStage {
  const clock = createVirtualClock(Date.UTC(2030, 0, 1));
  const world = { clock, latencyMs: (step: string) => (step === 'sync' ? SYNC_MS : JOIN_MS), watchers: new Set() } as unknown as World;
  const group = createGroup(world, 'group');
  const client = (clientId: string): MemberClient => ({ clientId, kinds: null, sessionTimeoutMs: 10_000, partitionCount: 2, synced: () => undefined, revoke: () => undefined, expelled: () => undefined });
  let first = '';
  return {
    async open() {
      first = group.join(client('first'));
      await clock.advance(JOIN_MS + SYNC_MS);
    },
    disturb() {
      group.join(client('second'));
      return Promise.resolve();
    },
    joinAll: () => clock.advance(JOIN_MS),
    syncAll: () => clock.advance(SYNC_MS),
    generation: () => group.generation(),
    commit: (generation, offset) => Promise.resolve(verdictOf(() => { group.commit(first, generation, [], [{ partition: 0, positions: [{ topic: 't', offset, metadata: '' }] }]); })),
    committed: () => Promise.resolve(group.committed('t', 0)?.offset ?? null),
    expel() {
      group.expel(first);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function verdictOf(commit: () => void): Verdict {
  try {
    commit();
    return 'taken';
  } catch (error) {
    if (isMillraceError(error, 'BROKER_REBALANCING')) return 'not now';
    if (isMillraceError(error, 'BROKER_FENCED')) return 'no member';
    throw error;
  }
}

/** `millrace/testing`: what unit tests of jobs run on. Time and faults are the test's. */
export { createVirtualClock, type VirtualClock } from './virtualClock.ts';
export { createProcessClock, type ProcessClock } from './processClock.ts';
export { seededRandom } from './seededRandom.ts';
export { createMemoryCluster, type MemoryCluster, type MemoryClusterOptions } from '../kafka/memory/cluster.ts';
export {
  delayAck, duplicate, hold, loseAck, refuse, refuseLargerThan, stall, times, when,
  type CommitDecision, type CommitRequest, type FetchDecision, type FetchRequest, type Hook, type Match, type ProduceDecision, type ProduceRequest,
} from '../kafka/memory/faultHooks.ts';
export type { Faults, Target } from '../kafka/memory/faults.ts';
export type { GroupDescription, GroupPhase } from '../kafka/memory/group.ts';
export type { Inspect } from '../kafka/memory/inspect.ts';
export { createTestMillrace, type TestMillrace, type TestMillraceOptions } from './testMillrace.ts';
export { createMemoryRegistry, type MemoryRegistry } from './memoryRegistry.ts';

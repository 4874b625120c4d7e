import { createMemoryCluster, createVirtualClock, seededRandom } from '../../shared/testing/index.ts';
import type { BrokerStage } from './stage.ts';

/** The in-memory cluster on virtual time, with uneven latencies. */
export function createMemoryStage(seed: number): BrokerStage {
  const clock = createVirtualClock(Date.UTC(2030, 0, 1));
  const cluster = createMemoryCluster({ clock, random: seededRandom(seed), latencyMs: (_step, random) => 1 + Math.floor(random() * 5) });
  const { faults, inspect } = cluster;
  let names = 0;
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    // Time passes even when nobody has set a timer.
    let cancel = (): void => undefined;
    const tick = (): void => { cancel = clock.after(100, tick); };
    tick();
    try {
      await clock.runUntil(condition, { maxMs: 60_000 });
    } catch (error) {
      throw new Error(`waited in vain for ${what}`, { cause: error });
    } finally { cancel(); }
  };
  return {
    broker: () => cluster.broker(),
    until,
    async wait(promise) {
      let settled = false;
      const mark = (): void => { settled = true; };
      promise.then(mark, mark);
      await until(() => settled, 'a promise');
      return promise;
    },
    uniqueName: (prefix) => `${prefix}-${names += 1}`,
    now: () => clock.now(),
    sessionTimeoutMs: 6_000,
    cutOff: (broker) => { faults.disconnect(broker); },
    expel: (_group, clientId) => { faults.expel(clientId); return Promise.resolve(); },
    deleteRecords: (topic, partition, beforeOffset) => { inspect.deleteRecords(topic, partition, beforeOffset); return Promise.resolve(); },
    appendWithMarker(topic, partition, value) {
      inspect.append(topic, partition, [{ key: null, value: Buffer.from(value) }]);
      inspect.skipOffsets(topic, partition, 1);
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  };
}

import type { Fault } from '../fault.ts';
import type { TopicControl } from './topicControl.ts';

/** What the topics' faults reach. */
export interface TopicStage {
  readonly topics: TopicControl;
}

/** Nothing of ours fits. */
const REFUSES_ALL = { 'max.message.bytes': '60' };
/** Leases and tombstones fit, waiting records do not. */
const REFUSES_SOME = { 'max.message.bytes': '450' };
function refusal(name: string, topic: 'retry' | 'dlq' | 'events' | 'main', changed: Readonly<Record<string, string>>, what: string): Fault<TopicStage> {
  return {
    name,
    forMs: [3000, 20_000],
    weight: 0.5,
    async begin({ topics }) {
      await topics.alter(topic, changed);
      return { what, heal: () => topics.alter(topic, {}) };
    },
  };
}

const addPartitions: Fault<TopicStage> = {
  name: 'partitions added',
  forMs: [0, 0],
  weight: 0.4,
  async begin({ topics }) {
    const before = topics.partitions;
    await topics.addPartitions(2);
    return { what: `each topic of the queue has ${topics.partitions} partitions instead of ${before}`, heal: () => Promise.resolve() };
  },
};

/** What can happen to the queue's topics. */
export const topicFaults: readonly Fault<TopicStage>[] = [
  refusal('retry topic rejects', 'retry', REFUSES_ALL, 'the retry topic refuses every record as too large'),
  refusal('retry topic rejects some', 'retry', REFUSES_SOME, 'the retry topic refuses waiting records as too large, and takes small ones'),
  refusal('DLQ rejects', 'dlq', REFUSES_ALL, 'the dead-letter topic refuses every record as too large'),
  refusal('events topic rejects', 'events', REFUSES_ALL, 'the events topic refuses every record as too large'),
  refusal('intake rejects', 'main', REFUSES_ALL, 'the main topic refuses every record as too large: nothing can be enqueued'),
  addPartitions,
];

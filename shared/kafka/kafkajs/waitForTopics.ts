import { MillraceError } from '../../errors/MillraceError.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Cluster } from './cluster.ts';
import { errorOfFailure } from './failure.ts';
import { retryDelayMs, Sleeper } from './pause.ts';

const UNREACHABLE_AFTER_MS = 10_000;
/** A topic made a moment ago by another client may not have reached every broker. */
const MISSING_AFTER_MS = 1000;

/** Partition numbers of topics that must exist. @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE (after 10 s), BROKER_REFUSED */
export async function waitForTopics(cluster: Cluster, topics: readonly string[], clock: Clock): Promise<Map<string, number>> {
  cluster.want(topics);
  const sleeper = new Sleeper(clock);
  const startMs = clock.monotonic();
  for (let attempt = 1; ; attempt++) {
    const waitedMs = clock.monotonic() - startMs;
    try {
      await cluster.refresh();
      const missing = topics.filter((topic) => cluster.topic(topic) === undefined);
      if (missing.length === 0) return new Map(topics.map((topic) => [topic, cluster.topic(topic)?.partitions ?? 0]));
      if (waitedMs > MISSING_AFTER_MS) {
        for (const topic of missing) cluster.forget(topic);
        throw new MillraceError('TOPIC_MISSING', { at: missing.join(', ') });
      }
    } catch (error) {
      const failure = errorOfFailure(error);
      if (!failure.retriable || waitedMs > UNREACHABLE_AFTER_MS) throw failure;
    }
    await sleeper.sleep(retryDelayMs(attempt));
  }
}

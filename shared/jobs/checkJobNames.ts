import { refuseOption } from './jobOptionErrors.ts';

/** Kafka's own bound for a topic's name. */
const MAX_TOPIC_NAME = 249;
/** Suffixes of the topics beside a queue's main topic; a queue so named would run into another queue's topics. */
const QUEUE_TOPIC_SUFFIXES = ['.retry', '.dlq', '.events'] as const;
/** Leaves room for the longest suffix of today, and some for those to come. */
export const MAX_QUEUE_NAME = MAX_TOPIC_NAME - 25;
export const MAX_KIND_NAME = 200;

/** Refuses a kind or queue name that could not travel. Queue names are Kafka topic names. @throws MillraceError BAD_JOB_DEFINITION */
export function checkJobNames(kind: unknown, queue: unknown): void {
  if (typeof kind !== 'string' || kind.length > MAX_KIND_NAME || !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(kind)) {
    refuseOption('kind', `a name such as "order.charge": a letter, then letters, digits, ".", "_", "-", at most ${MAX_KIND_NAME}`, kind);
  }
  const at = `${kind}: queue`;
  if (typeof queue !== 'string' || queue.length > MAX_QUEUE_NAME || !/^[A-Za-z0-9._-]+$/.test(queue) || queue === '.' || queue === '..') {
    refuseOption(at, `a Kafka topic name: letters, digits, ".", "_", "-", at most ${MAX_QUEUE_NAME}`, queue);
  }
  if (queue.startsWith('__')) refuseOption(at, 'a name that does not start with "__", which Kafka keeps for itself', queue);
  const suffix = QUEUE_TOPIC_SUFFIXES.find((each) => queue.endsWith(each));
  if (suffix !== undefined) refuseOption(at, `a name that does not end in "${suffix}", which names a topic of another queue`, queue);
}

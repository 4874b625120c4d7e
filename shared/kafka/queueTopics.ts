/** The four topics of a queue. All have the same number of partitions. */
export interface QueueTopics {
  readonly main: string;
  readonly retry: string;
  readonly dlq: string;
  readonly events: string;
}

export function queueTopics(queue: string): QueueTopics {
  return { main: queue, retry: `${queue}.retry`, dlq: `${queue}.dlq`, events: `${queue}.events` };
}

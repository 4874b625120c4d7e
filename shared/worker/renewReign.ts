import type { Engine } from '../engine/engine.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Consumer, FetchedRecord } from '../kafka/port.ts';
import type { QueueRunnerOptions } from './queueRunnerOptions.ts';
import { readGrant } from './readGrant.ts';
import { sleep } from '../runtime/sleeps.ts';

export interface RenewReignOptions extends Pick<QueueRunnerOptions, 'topics' | 'group' | 'admin' | 'clock'> {
  readonly engine: Engine<FetchedRecord>;
  readonly consumer: Pick<Consumer, 'pause' | 'commit'>;
  readonly isClosed: () => boolean;
  readonly trouble: (error: Error) => void;
}

const RETRY_MS = 200;

/**
 * Somebody else's lease was seen, and as far as we know the group counts us as the owner: start the reign anew from what is committed. But first
 * a commit must prove it: a member that was expelled and has not heard of it would lease over the owner, and the owner over it, and so on.
 * @returns false: the partition was lost, or assigned anew, or everything closed, meanwhile
 */
export async function renewReign({ topics, group, admin, clock, engine, consumer, isClosed, trouble }: RenewReignOptions, number: number): Promise<boolean> {
  const usurped = engine.partitions.get(number);
  consumer.pause(topics.main, number);
  consumer.pause(topics.retry, number);
  while (engine.partitions.get(number) === usurped && !isClosed()) {
    try {
      if ((usurped?.running ?? 0) > 0) throw new MillraceError('LEASE_LOST', { at: `partition ${number}`, fix: 'Attempts of the former reign are still running' });
      const grant = await readGrant(admin, group, topics, number);
      // Of the retry topic, because going back in it costs a successor nothing but a longer reading.
      await consumer.commit([{ partition: number, positions: [{ topic: topics.retry, ...(grant.retry.committed ?? { offset: 0, metadata: '' }) }] }]);
      if (engine.partitions.get(number) !== usurped) return false;
      engine.assigned(grant, clock.now());
      return true;
    } catch (error) {
      trouble(error as Error);
      await sleep(clock, RETRY_MS);
    }
  }
  return false;
}

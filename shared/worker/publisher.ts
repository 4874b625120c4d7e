import type { KeptBodies } from '../bodies/keptBodies.ts';
import type { Engine } from '../engine/engine.ts';
import { published, publishFailed, takeDeadLetters, takePublications } from '../engine/flush.ts';
import type { Publication } from '../engine/effects.ts';
import type { Job } from '../engine/job.ts';
import type { Partition } from '../engine/partition.ts';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { FetchedRecord, OutgoingRecord } from '../kafka/port.ts';
import type { Pulse } from './pulse.ts';
import type { QueueRunnerOptions } from './queueRunnerOptions.ts';
import { writeDeadLetter, writeRoomRecord } from './writeRecords.ts';

/** Events of one partition above which a flush does not wait for its interval. */
const PRESSING_EVENTS = 1000;

/** Sends what the engine has to say, and tells it what became of that. */
export class Publisher {
  readonly #options: QueueRunnerOptions;
  readonly #engine: Engine<FetchedRecord>;
  readonly #bodies: KeptBodies;
  readonly #pulse: Pulse;
  readonly #after: () => void;

  /** @param after called when a publication has ended, either way */
  constructor(options: QueueRunnerOptions, engine: Engine<FetchedRecord>, bodies: KeptBodies, pulse: Pulse, after: () => void) {
    this.#bodies = bodies;
    this.#pulse = pulse;
    this.#options = options;
    this.#engine = engine;
    this.#after = after;
  }

  flush(): void {
    const now = this.#options.clock.now();
    for (const partition of this.#engine.partitions.values()) {
      for (const publication of takePublications(this.#engine, partition, now)) void this.#send(partition, publication);
    }
  }

  /** What shall not wait for the flush interval: dead letters, for whose ack a lane waits, and events when they are many, or when at-most-once jobs wait for them. */
  flushPressing(): void {
    const now = this.#options.clock.now();
    for (const partition of this.#engine.partitions.values()) {
      const letters = takeDeadLetters(partition, now);
      if (letters !== null) void this.#send(partition, letters);
      const isPressing = partition.events.pending >= PRESSING_EVENTS || (partition.claims > 0 && this.#engine.claimsPress);
      if (!isPressing || partition.events.sending) continue;
      for (const publication of takePublications(this.#engine, partition, now)) void this.#send(partition, publication);
    }
  }

  async #send(partition: Partition, publication: Publication): Promise<void> {
    const { producer, clock, topics } = this.#options;
    this.#pulse.sent('publication');
    let end: 'done' | 'refused' = 'refused';
    try {
      const jobs = jobsOf(publication);
      let isFetched = false;
      for (let coming = this.#bodies.fetch(jobs); coming !== null; coming = this.#bodies.fetch(jobs)) {
        if (!(await coming)) throw new MillraceError('SPILL_LOST', { at: `partition ${partition.number}` });
        isFetched = true;
      }
      const { topic, records } = this.#toRecords(partition, publication, topics);
      if (isFetched) this.#bodies.letGo(jobs);
      await producer.send(topic, partition.number, records);
      end = 'done';
      published(this.#engine, partition, publication.stream, clock.now());
    } catch (error) {
      publishFailed(partition, publication.stream, isMillraceError(error) ? error.code : 'UNKNOWN', clock.now());
      if (!isMillraceError(error)) this.#options.observer.trouble(error as Error);
    }
    this.#pulse.ended('publication', end);
    this.#after();
  }

  #toRecords(partition: Partition, publication: Publication, topics: QueueRunnerOptions['topics']): { topic: string; records: OutgoingRecord[] } {
    const { number } = partition;
    switch (publication.stream) {
      case 'retry':
        return { topic: topics.retry, records: publication.items.map((write) => writeRoomRecord(topics.main, number, write)) };
      case 'dlq':
        for (const letter of publication.items) this.#options.observer.buried(letter.job, letter.reason);
        return { topic: topics.dlq, records: publication.items.map((letter) => writeDeadLetter(topics.main, number, letter)) };
      case 'events': {
        const { encodeEvents, workerId } = this.#options;
        const batch = { queue: topics.main, partition: number, worker: workerId, epoch: partition.epoch };
        return { topic: topics.events, records: [{ key: null, value: encodeEvents(batch, publication.items) }] };
      }
    }
  }
}

/** Those whose bodies are copied. */
function jobsOf(publication: Publication): Job[] {
  switch (publication.stream) {
    case 'events':
      return [];
    case 'dlq':
      return publication.items.map(({ job }) => job);
    case 'retry':
      return publication.items.flatMap(({ type, job }) => (type === 'wait' && job !== null ? [job] : []));
  }
}

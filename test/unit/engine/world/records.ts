import type { Publication, RoomRecord, RoomWrite } from '../../../../shared/engine/effects.ts';
import type { JobPolicy } from '../../../../shared/jobs/policy.ts';
import { inputOfCopy, timestampOf, type MainLog } from './mainLog.ts';
import type { LogEntry, Sent } from './retryLog.ts';
import type { Payload } from './shard.ts';

/** What goes over the wire: content as of now. */
export function payloadOf(publication: Publication): Payload {
  switch (publication.stream) {
    case 'retry':
      return { stream: 'retry', records: publication.items.map(sentOf) };
    case 'events':
    case 'dlq':
      return publication;
  }
}

function sentOf(write: RoomWrite): Sent {
  const { type, key, origin, holder, epoch, seq, attempt, dueMs, reason, failure, firstFailure } = write;
  return { type, key, origin, holder, epoch, seq, attempt, dueMs, reason, failure, firstFailure, redriven: null, command: 'redrive', control: false, on: false, scope: '' };
}

/** A record of the retry topic as a worker's engine reads it. */
export function roomRecordOf(entry: LogEntry, main: MainLog, policies: ReadonlyMap<string, JobPolicy>): RoomRecord {
  const { offset, key, epoch, seq, origin } = entry;
  switch (entry.type) {
    case 'wait': {
      const { attempt, dueMs, reason, failure, firstFailure } = entry;
      return { type: 'wait', offset, key, epoch, seq, job: copied(main, origin, policies), attempt, dueMs, reason, failure, firstFailure };
    }
    case 'tombstone':
    case 'void':
      return { type: entry.type, offset, key, epoch, seq, origin, originMs: timestampOf(origin) };
    case 'lease':
      return { type: 'lease', offset, key, epoch, holder: entry.holder };
    case 'mark':
      return { type: 'mark', offset, key, epoch, seq, untilMs: entry.dueMs, origin };
    case 'pause':
      return { type: 'pause', offset, key, on: entry.on, scope: entry.scope };
    case 'applied':
      return { type: 'applied', offset, key, epoch, seq };
    case 'foreign':
      return { type: 'foreign', offset, key, control: entry.control };
    case 'command':
      return { type: 'command', offset, key, command: entry.command, job: copied(main, origin, policies), firstFailure: entry.firstFailure, redriven: entry.redriven };
  }
}

function copied(main: MainLog, origin: number, policies: ReadonlyMap<string, JobPolicy>): ReturnType<typeof inputOfCopy> {
  const entry = main.at(origin);
  return inputOfCopy(entry, policies.get(entry.policy.kind) ?? null);
}

import type { FetchedRecord, OutgoingRecord, TopicDeclaration } from '../kafka/port.ts';
import { headerNames } from '../kafka/envelope.ts';
import { readInteger } from '../kafka/envelope/readHeader.ts';
import { writeCommand, parseCommand, type ScheduleCommand } from './scheduleCommand.ts';
import { parseDefinition, writeDefinition, type Definition } from './definition.ts';

/** Where schedules live unless it is said otherwise. */
export const SCHEDULES_TOPIC = 'millrace.schedules';

const HOUR_MS = 3_600_000;
const NUL = '\u0000';
const STATE = `${NUL}state/`;
const COMMAND = `${NUL}command/`;
const LEASE = `${NUL}lease`;

/**
 * One partition, compacted: schedules by name; behind a NUL, what the schedulers write down, and commands. What a zombie overwrote must be there
 * until the active scheduler has answered it, so nothing is compacted within an hour.
 */
export function declareSchedulesTopic(name: string, replicationFactor: number): TopicDeclaration {
  return {
    name, partitions: 1, replicationFactor,
    config: {
      'min.insync.replicas': String(Math.max(1, replicationFactor - 1)),
      'unclean.leader.election.enable': 'false',
      'cleanup.policy': 'compact',
      'min.compaction.lag.ms': String(HOUR_MS),
      'delete.retention.ms': String(24 * HOUR_MS),
      'segment.bytes': String(16 * 1024 * 1024),
      'segment.ms': String(HOUR_MS),
      'min.cleanable.dirty.ratio': '0.2',
    },
  };
}

/** A record of the topic, read. `epoch` is the offset of the lease that its writer held. */
export type ScheduleRecord =
  | { readonly type: 'definition'; readonly name: string; readonly definition: Definition | null }
  | { readonly type: 'removed'; readonly name: string }
  /** A null value: forgotten. */
  | { readonly type: 'state'; readonly name: string; readonly epoch: number; readonly sequence: number; readonly value: Buffer | null }
  | { readonly type: 'command'; readonly name: string; readonly key: string; readonly command: ScheduleCommand | null }
  | { readonly type: 'command-gone'; readonly name: string; readonly key: string }
  | { readonly type: 'lease'; readonly owner: string }
  | { readonly type: 'foreign' };

/** Never throws. */
export function readScheduleRecord({ key, value, headers }: FetchedRecord): ScheduleRecord {
  const text = key?.toString() ?? '';
  if (text === LEASE) return { type: 'lease', owner: value?.toString() ?? '' };
  if (text.startsWith(STATE)) {
    const epoch = readInteger(headers, headerNames.epoch);
    const sequence = readInteger(headers, headerNames.sequence);
    return epoch === null || sequence === null ? { type: 'foreign' } : { type: 'state', name: text.slice(STATE.length), epoch, sequence, value };
  }
  if (text.startsWith(COMMAND)) {
    const name = text.slice(COMMAND.length, text.indexOf('/', COMMAND.length));
    return value === null ? { type: 'command-gone', name, key: text } : { type: 'command', name, key: text, command: parseCommand(value) };
  }
  if (text === '' || text.startsWith(NUL)) return { type: 'foreign' };
  return value === null ? { type: 'removed', name: text } : { type: 'definition', name: text, definition: parseDefinition(text, value) };
}

export function definitionRecord(definition: Definition): OutgoingRecord {
  return { key: definition.name, value: writeDefinition(definition) };
}

export function removalRecord(name: string): OutgoingRecord {
  return { key: name, value: null };
}

export function commandRecordFor(name: string, command: ScheduleCommand): OutgoingRecord {
  return { key: `${COMMAND}${name}/${command.id}`, value: writeCommand(command) };
}

/** Says that a command was carried out. */
export function commandGone(key: string): OutgoingRecord {
  return { key, value: null };
}

export function stateRecord(name: string, epoch: number, sequence: number, value: Buffer | null): OutgoingRecord {
  return { key: `${STATE}${name}`, value, headers: { [headerNames.epoch]: String(epoch), [headerNames.sequence]: String(sequence) } };
}

export function leaseRecord(owner: string): OutgoingRecord {
  return { key: LEASE, value: Buffer.from(owner) };
}

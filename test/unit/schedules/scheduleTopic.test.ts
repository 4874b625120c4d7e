import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FetchedRecord, OutgoingRecord } from '../../../shared/kafka/port.ts';
import type { Definition } from '../../../shared/schedules/definition.ts';
import { overlapPolicies } from '../../../shared/schedules/schedule.ts';
import { ScheduleBook, stateOf } from '../../../shared/schedules/scheduleBook.ts';
import { commandRecordFor, definitionRecord, leaseRecord, readScheduleRecord, removalRecord, stateRecord } from '../../../shared/schedules/scheduleTopic.ts';

/** What a broker makes of a record. */
function stored({ key, value, headers = {} }: OutgoingRecord, offset = 0): FetchedRecord {
  return {
    offset, timestampMs: 0, key: key === null ? null : Buffer.from(key), value,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(String(text))])),
  };
}

const definition: Definition = {
  name: 's', kind: 'k', queue: 'q', key: 'é', value: Buffer.from([0, 0, 0, 0, 1, 255]), overlap: 'skip', catchUpMs: 10_000, jitterMs: 5, limit: 3, note: null, putMs: 9,
  timing: { cron: '0 0 * * *', timezone: 'Europe/Lisbon', everyMs: null, offsetMs: 0, startMs: 1, endMs: null },
};

describe('records of schedules', () => {
  it('come back as they were written', () => {
    expect(readScheduleRecord(stored(definitionRecord(definition)))).toEqual({ type: 'definition', name: 's', definition });
    expect(readScheduleRecord(stored(removalRecord('s')))).toEqual({ type: 'removed', name: 's' });
    expect(readScheduleRecord(stored(leaseRecord('me')))).toEqual({ type: 'lease', owner: 'me' });
    const command = { type: 'backfill', id: 'a-b', atMs: 1, fromMs: 2, toMs: 3, overlap: 'allow-all' } as const;
    expect(readScheduleRecord(stored(commandRecordFor('s', command)))).toMatchObject({ type: 'command', name: 's', command });
    for (const overlap of overlapPolicies) expect(readScheduleRecord(stored(definitionRecord({ ...definition, overlap })))).toMatchObject({ definition: { overlap } });
  });

  it('are nothing to be afraid of, whatever they hold', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('s', '\u0000lease', '\u0000state/s', '\u0000command/s/1', '\u0000command/'));
    const json = fc.oneof(fc.json(), fc.record({
      kind: fc.constant('k'), queue: fc.constant('q'), key: fc.constant(null), value: fc.constant(''), cron: fc.oneof(fc.constant(null), fc.string()), timezone: fc.oneof(fc.constant('UTC'), fc.string()), everyMs: fc.oneof(fc.constant(null), fc.double()),
      offsetMs: fc.double(), startMs: fc.constant(null), endMs: fc.constant(null), overlap: fc.constant('skip'), catchUpMs: fc.constant(1), jitterMs: fc.constant(1), limit: fc.constant(null), note: fc.constant(null), putMs: fc.constant(1),
      type: fc.constantFrom('pause', 'run-now', 'x'), id: fc.constant('i'), atMs: fc.double(), runs: fc.json(), print: fc.string(), cursorMs: fc.integer(),
    }).map((made) => JSON.stringify(made)));
    fc.assert(fc.property(fc.option(text), fc.option(fc.oneof(json.map((made) => Buffer.from(made)), fc.uint8Array().map((bytes) => Buffer.from(bytes)))), fc.string(), fc.string(), (key, value, epoch, sequence) => {
      const book = new ScheduleBook();
      book.apply(stored({ key, value, headers: { mr_epoch: epoch, mr_seq: sequence } }));
      for (const entry of book.entries.values()) stateOf(entry);
    }), { numRuns: 500 });
  });
});

describe('the book', () => {
  const state = (epoch: number, sequence: number): OutgoingRecord => stateRecord('s', epoch, sequence, Buffer.from(`${epoch}/${sequence}`));
  const lease = leaseRecord('x');
  it.each<[what: string, log: OutgoingRecord[], counts: string, overwritten: boolean]>([
    ['takes the last of one writer', [lease, state(0, 1), state(0, 2)], '0/2', false],
    ['keeps the later one, where an earlier one comes late', [lease, state(0, 2), state(0, 1)], '0/2', true],
    ['minds no double', [lease, state(0, 1), state(0, 1)], '0/1', false],
    ['takes none of a writer that was replaced', [lease, state(0, 1), lease, state(0, 2)], '0/1', true],
    ['takes one of its successor, whatever its sequence', [lease, state(0, 7), lease, state(2, 1)], '2/1', false],
    ['is content once the successor has answered', [lease, state(0, 1), lease, state(0, 2), state(2, 1)], '2/1', false],
    ['takes what stands before the only lease that compaction left', [state(5, 1), lease], '5/1', false],
  ])('%s', (_what, log, counts, overwritten) => {
    const book = new ScheduleBook();
    for (const [offset, record] of log.entries()) book.apply(stored(record, offset));
    const entry = book.entries.get('s');
    expect([entry?.state?.value?.toString(), entry?.overwritten]).toEqual([counts, overwritten]);
  });
});

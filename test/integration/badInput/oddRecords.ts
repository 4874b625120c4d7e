import type { IHeaders } from 'kafkajs';
import type { RawRecord } from './stage.ts';

/** A job that is good, with something odd around it: it must run as any other. */
export interface OddCase {
  readonly title: string;
  readonly record: Partial<Omit<RawRecord, 'value'>>;
  readonly gzip?: boolean;
  /** What must hold of its id, where it is not the one that it was given. */
  readonly id?: 'derived';
  /** Names of headers that are ours to write: the record's own must be gone from copies. The rest must be there unchanged. */
  readonly forged?: readonly string[];
  readonly kind?: 'bench.Job';
}

const notUtf8 = Buffer.from([0xff, 0xfe, 0xc3, 0x28]);
const forged = (headers: IHeaders): Pick<OddCase, 'record' | 'forged'> => ({ record: { headers }, forged: Object.keys(headers) });
const hasProto = Object.defineProperty({}, '__proto__', { value: 'x', enumerable: true }) as IHeaders;

export const oddRecords: readonly OddCase[] = [
  { title: 'mr_attempt -1', ...forged({ mr_attempt: '-1' }) },
  { title: 'mr_attempt 1e9', ...forged({ mr_attempt: '1000000000' }) },
  { title: 'mr_attempt NaN', ...forged({ mr_attempt: 'NaN' }) },
  { title: 'mr_not_before in 1970', record: { headers: { mr_not_before: '0' } } },
  { title: 'mr_not_before NaN', record: { headers: { mr_not_before: 'NaN' } } },
  { title: 'mr_not_before negative', record: { headers: { mr_not_before: '-1' } } },
  { title: 'the origin of another record', ...forged({ mr_origin: 'payments/3/77/1700000000000' }) },
  { title: 'an origin that is none', ...forged({ mr_origin: '../../etc/passwd' }) },
  { title: 'a reason, a due time and errors of its own', ...forged({ mr_reason: 'held', mr_due: '9999999999999', mr_error: '{"code":"X","name":"X","message":"x","at":1}', mr_first_error: 'no JSON' }) },
  { title: 'an epoch and a sequence', ...forged({ mr_epoch: '9007199254740991', mr_seq: '9007199254740991' }) },
  { title: 'a command', ...forged({ mr_command: 'discard', mr_null: '1' }) },
  { title: 'another entity\'s key in ce_partitionkey', ...forged({ ce_partitionkey: 'somebody else' }) },
  { title: 'an id that is not UTF-8', record: { headers: { ce_id: notUtf8 } }, id: 'derived', forged: ['ce_id'] },
  { title: 'an id with control characters', record: { headers: { ce_id: '\u0000lease/1' } }, id: 'derived', forged: ['ce_id'] },
  { title: 'an id of 10,000 characters', record: { headers: { ce_id: 'x'.repeat(10_000) } }, id: 'derived', forged: ['ce_id'] },
  { title: 'an empty id', record: { headers: { ce_id: '' } }, id: 'derived', forged: ['ce_id'] },
  { title: 'a kind that is not UTF-8', record: { headers: { ce_type: notUtf8 } }, kind: 'bench.Job', forged: ['ce_type'] },
  { title: 'no header at all', record: {}, id: 'derived', kind: 'bench.Job' },
  { title: 'a time that is none', record: { headers: { ce_time: 'tomorrow', ce_specversion: '7' } } },
  { title: 'a trace that is none', record: { headers: { traceparent: '00-0-0-00', tracestate: notUtf8 } } },
  { title: 'headers that are not UTF-8', record: { headers: { strange: notUtf8 } } },
  { title: 'a header twice', record: { headers: { twice: ['one', 'two'] } } },
  { title: 'an origin twice', ...forged({ mr_origin: ['a/0/0/0', 'b/1/1/1'] }) },
  { title: 'a thousand headers', record: { headers: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`h${n}`, `v${n}`])) } },
  { title: 'a header named __proto__', record: { headers: hasProto } },
  { title: 'headers named as methods of objects', record: { headers: { constructor: 'x', hasOwnProperty: 'y', toString: 'z', '': 'empty' } } },
  { title: 'a header of 100,000 bytes', record: { headers: { long: 'x'.repeat(100_000) } } },
  { title: 'a key that is not UTF-8', record: { key: notUtf8 } },
  { title: 'an empty key', record: { key: '' } },
  { title: 'a key of 100,000 bytes', record: { key: Buffer.alloc(100_000, 'k') } },
  { title: 'a batch packed with gzip', record: {}, gzip: true, id: 'derived', kind: 'bench.Job' },
  { title: 'a time an hour ahead', record: { timestampMs: Date.now() + 3_500_000 } },
  { title: 'a time ten years ahead', record: { timestampMs: Date.now() + 315_360_000_000 } },
  { title: 'a time of 1970', record: { timestampMs: 0 } },
  { title: 'no time', record: { timestampMs: -1 } },
  { title: 'a time before 1970', record: { timestampMs: -5_000 } },
  { title: 'a time in the year 200,000,000', record: { timestampMs: 2 ** 62 } },
];

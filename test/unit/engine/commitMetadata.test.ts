import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLogPoint, decodeSettled, encodeLogPoint, encodeSettled, MAX_SPAN } from '../../../shared/engine/commitMetadata.ts';
import { leaseRecord, readRetryRecord } from '../../../shared/kafka/envelope.ts';

const offset = fc.integer({ min: 0, max: 2 ** 52 });

describe('settled offsets in a commit', () => {
  it('come back as they went, from any base', () => {
    fc.assert(fc.property(offset, fc.uniqueArray(fc.nat(MAX_SPAN - 1), { maxLength: 300 }), (base, above) => {
      const settled = above.map((at) => base + at);
      expect(decodeSettled(base, encodeSettled(base, settled))).toEqual(new Set(settled.sort((a, b) => a - b)));
    }));
  });

  it('fit into Kafka’s 4,096 bytes even when the whole span is settled', () => {
    const all = Array.from({ length: MAX_SPAN }, (_, at) => 5 + at);
    const metadata = encodeSettled(5, all);
    expect(Buffer.byteLength(metadata)).toBeLessThanOrEqual(4096);
    expect(decodeSettled(5, metadata).size).toBe(MAX_SPAN);
  });

  it('never claim what lies below the base or beyond the span', () => {
    expect(decodeSettled(100, encodeSettled(100, [0, 99, 100 + MAX_SPAN, 2 ** 40])).size).toBe(0);
  });

  it.each(['', 'm', 'm2AAAA', 'r11.0', 'reset by hand', '{"a":1}'])('say nothing when somebody else committed: %j', (metadata) => {
    expect(decodeSettled(10, metadata).size).toBe(0);
  });
});

describe('the point in the retry log', () => {
  it('comes back as it went', () => {
    fc.assert(fc.property(fc.nat(1_000_000), fc.integer({ min: 0, max: 2 ** 49 }), (epoch, seq) => {
      expect(decodeLogPoint(encodeLogPoint({ epoch, seq }))).toEqual({ epoch, seq });
    }));
  });

  it('may have any epoch that a record may have', () => {
    expect(decodeLogPoint(`r1${2 ** 48}.7`)).toEqual({ epoch: 2 ** 48, seq: 7 });
    const read = (epoch: number): string => {
      const { key, value, headers } = leaseRecord('lease', epoch, 'w1');
      return readRetryRecord({ offset: 0, timestampMs: 0, key: Buffer.from(String(key)), value, headers }, 'q', 0, 0).type;
    };
    expect([read(2 ** 48), read(2 ** 48 + 1)]).toEqual(['lease', 'foreign']);
  });

  it.each(['', 'r1', 'r1-1.0', 'r11.0.0', 'm1', 'r1x.y', 'r19999999999999999.0', 'r1999999999999999.1', `r1${2 ** 48 + 1}.1`])('starts from nothing when it is not ours: %j', (metadata) => {
    expect(decodeLogPoint(metadata)).toBeNull();
  });
});

import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import type { AvroSchema } from '../../../schemas/payloadSchema.ts';

/** Avro's zigzag varint, written apart from the code under test. */
export function varint(value: number | bigint): Buffer {
  const signed = BigInt(value);
  let rest = BigInt.asUintN(64, (signed << 1n) ^ (signed >> 63n));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

export function recordOf(...types: readonly AvroSchema[]): AvroSchema {
  return { type: 'record', name: 'R', fields: types.map((type, i) => ({ name: `f${String(i)}`, type })) };
}

/** Framed as Confluent frames it. */
export function framed(schemaId: number, avro: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(schemaId, 1);
  return Buffer.concat([header, avro]);
}

/** The code of the MillraceError that `act` throws; null when it throws nothing. Any other error passes through and fails the test. */
export function codeThrownBy(act: () => unknown): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (isMillraceError(error)) return error.code;
    throw error;
  }
}

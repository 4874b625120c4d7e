import { readDay, readTime } from '../runtime/readTime.ts';

/** What a JSON value is as Avro, or what was expected instead. */
export type Reading = { readonly value: unknown } | { readonly expected: string };

/** How one logical type may also be written in JSON, beside the form of the type that it is made of. */
export type LogicalForm = (text: string) => Reading;

const DAY_MS = 86_400_000;

function micros(text: string): number {
  const ms = readTime(text);
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return ms * 1000 + Number(fraction.padEnd(6, '0').slice(3, 6));
}

function timeOfDay(text: string, digits: 3 | 6): number {
  const match = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return NaN;
  const [, hours, minutes, seconds, fraction = ''] = match;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 10 ** digits + Number(fraction.padEnd(digits, '0').slice(0, digits));
}

const whole = (number: number, expected: string): Reading => (Number.isNaN(number) ? { expected } : { value: number });

/** Two's complement, big-endian, as short as it can be; or padded to `size`. Null when it does not fit. */
export function decimalBytes(text: string, precision: number, scale: number, size: number | null): Buffer | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null || text.length > 1000) return null;
  const [, sign = '', head = '', fraction = ''] = match;
  if (fraction.length > scale) return null;
  const digits = (head + fraction.padEnd(scale, '0')).replace(/^0+(?=.)/, '');
  if (digits.length > precision) return null;
  const unscaled = BigInt(`${sign}${digits}`);
  let length = 1;
  while (BigInt.asIntN(length * 8, unscaled) !== unscaled) length += 1;
  if (size !== null && length > size) return null;
  const hex = BigInt.asUintN((size ?? length) * 8, unscaled).toString(16).padStart((size ?? length) * 2, '0');
  return Buffer.from(hex, 'hex');
}

/** The form of a schema's logical type, if it has one that is known; unknown ones count for nothing, as Avro says. */
export function logicalForm(schema: Readonly<Record<string, unknown>>): LogicalForm | null {
  switch (schema['logicalType']) {
    case 'date':
      return (text) => whole(readDay(text) / DAY_MS, 'a day such as "2026-02-28", or days since 1970');
    case 'time-millis':
      return (text) => whole(timeOfDay(text, 3), 'a time of day such as "23:59:59.999", or ms since midnight');
    case 'time-micros':
      return (text) => whole(timeOfDay(text, 6), 'a time of day such as "23:59:59.999999", or µs since midnight');
    case 'timestamp-millis':
      return (text) => whole(readTime(text), 'a time such as "2026-02-28T12:00:00Z", or epoch ms');
    case 'timestamp-micros':
      return (text) => whole(micros(text), 'a time such as "2026-02-28T12:00:00.000001Z", or epoch µs');
    case 'uuid':
      return (text) => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? { value: text } : { expected: 'a UUID' });
    case 'decimal': {
      const { precision, scale = 0, size = null } = schema as { precision?: unknown; scale?: unknown; size?: number | null };
      if (typeof precision !== 'number' || typeof scale !== 'number') return null;
      return (text) => {
        const value = decimalBytes(text, precision, scale, size);
        return value === null ? { expected: `a decimal as text, such as "12.5", of at most ${precision} digits, ${scale} of them after the point` } : { value };
      };
    }
    default:
      return null;
  }
}

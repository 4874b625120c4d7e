import type { Headers, HeaderValue } from './port.ts';
import { readDigits } from './readDigits.ts';

/**
 * A record's headers as the bytes that they came in, as Kafka's record format has them: pairs of name and value, each behind its length as a varint.
 * One value is read without making the others: most are never asked for, and to make a buffer costs more than to walk past its bytes.
 */
export class PackedHeaders {
  readonly #data: Buffer;
  readonly #from: number;
  readonly #count: number;
  readonly #nameLengths: number;
  /** What they take, names and lengths included. */
  readonly bytes: number;
  #unpacked: Headers | null = null;

  /**
   * `count` whole pairs lie in `data` from `from` to `end`: whoever makes this has walked over them.
   * @param nameLengths the bits `1 << length` of its names' lengths: most names that are looked for are not there, which this tells without a look
   */
  constructor(data: Buffer, from: number, end: number, count: number, nameLengths: number) {
    this.#data = data;
    this.#from = from;
    this.#count = count;
    this.bytes = end - from;
    this.#nameLengths = nameLengths;
  }

  /** Whether this ASCII name has a value. */
  has(name: string): boolean {
    return this.#find(name);
  }

  /** A view of the first value of this ASCII name; null: it has none. */
  raw(name: string): Buffer | null {
    return this.#find(name) ? this.#data.subarray(valueFrom, valueEnd) : null;
  }

  /** Whether the first value of this ASCII name is this text, of ASCII alone. */
  is(name: string, text: string): boolean {
    return this.#find(name) && isAscii(this.#data, valueFrom, valueEnd - valueFrom, text);
  }

  /** The first value of this ASCII name where it has 1 to `maxLength` bytes, all of them printable ASCII; null: look at its bytes. */
  plainText(name: string, maxLength: number): string | null {
    if (!this.#find(name) || valueFrom === valueEnd || valueEnd - valueFrom > maxLength) return null;
    const data = this.#data;
    for (let at = valueFrom; at < valueEnd; at++) {
      const byte = data[at] as number;
      if (byte < SPACE || byte > TILDE) return null;
    }
    return data.toString('latin1', valueFrom, valueEnd);
  }

  /** The first value of this ASCII name, of 1 to 16 decimal digits; −1: it has none, or another. */
  wholeNumber(name: string): number {
    return this.#find(name) ? readDigits(this.#data, valueFrom, valueEnd, MOST_DIGITS) : -1;
  }

  /** All of them, made at the first call. */
  unpack(): Headers {
    this.#unpacked ??= this.#unpack();
    return this.#unpacked;
  }

  #unpack(): Headers {
    const headers = new ReadHeaders() as Record<string, HeaderValue>;
    this.each((name, data, from, end) => { putHeader(headers, name, end < 0 ? undefined : data.subarray(from, end)); });
    return headers;
  }

  /** Calls back for each header in the order of the record, with its name and where its value lies in `data`; `end` −1: the value is null. */
  each(visit: (name: string, data: Buffer, from: number, end: number) => void): void {
    const data = this.#data;
    let at = this.#from;
    for (let index = 0; index < this.#count; index++) {
      const nameLength = readLength(data, at);
      const name = readName(data, lengthEnd, nameLength, index);
      const length = readLength(data, lengthEnd + nameLength);
      const from = lengthEnd;
      at = from + Math.max(0, length);
      visit(name, data, from, length < 0 ? -1 : at);
    }
  }

  /** Leaves where its first value lies in `valueFrom` and `valueEnd`. One that is null is none, as where all are unpacked. */
  #find(name: string): boolean {
    if ((this.#nameLengths & (1 << name.length)) === 0) return false;
    if (this.#count <= FEW) return this.#findAmongFew(name);
    const data = this.#data;
    if (indexed !== this) this.#index();
    for (let entry = 0; entry < indexedEnd; entry += ENTRY) {
      if (index[entry + 1] !== name.length || !isAscii(data, index[entry] as number, name.length, name)) continue;
      valueFrom = index[entry + 2] as number;
      valueEnd = index[entry + 3] as number;
      return true;
    }
    return false;
  }

  #findAmongFew(name: string): boolean {
    const data = this.#data;
    let at = this.#from;
    for (let left = this.#count; left > 0; left--) {
      const nameLength = readLength(data, at);
      const nameFrom = lengthEnd;
      const length = readLength(data, nameFrom + nameLength);
      at = lengthEnd + Math.max(0, length);
      if (nameLength === name.length && length >= 0 && isAscii(data, nameFrom, nameLength, name)) {
        valueFrom = lengthEnd;
        valueEnd = at;
        return true;
      }
    }
    return false;
  }

  /** Walks once over all that have a value: a waiting record is asked for a dozen of its headers. */
  #index(): void {
    const data = this.#data;
    if (index.length < this.#count * ENTRY) index = new Int32Array(this.#count * ENTRY);
    let entry = 0;
    let at = this.#from;
    for (let left = this.#count; left > 0; left--) {
      const nameLength = readLength(data, at);
      const nameFrom = lengthEnd;
      const length = readLength(data, nameFrom + nameLength);
      at = lengthEnd + Math.max(0, length);
      if (length < 0) continue;
      index[entry] = nameFrom;
      index[entry + 1] = nameLength;
      index[entry + 2] = lengthEnd;
      index[entry + 3] = at;
      entry += ENTRY;
    }
    noteIndexed(this, entry);
  }
}

/** Headers in whatever form they came. */
export type CarriedHeaders = Headers | PackedHeaders | undefined;

/** All headers, by their names. */
export function unpackHeaders(headers: CarriedHeaders): Headers | undefined {
  return headers instanceof PackedHeaders ? headers.unpack() : headers;
}

/** A class, not a literal: V8 learns of a literal that what it makes lives long, and then makes it old from the start. */
class ReadHeaders {}

/** Adds a value as headers have them: several of one name are a list, in their order. */
function putHeader(headers: Record<string, HeaderValue>, name: string, value: Buffer | undefined): void {
  const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (Array.isArray(before)) {
    if (value !== undefined) before.push(value);
    return;
  }
  const joined = before === undefined || value === undefined ? (value ?? before) : [before, value];
  if (name === '__proto__') Object.defineProperty(headers, name, { value: joined, enumerable: true, configurable: true, writable: true });
  else headers[name] = joined;
}

/** Where names and values lie of the headers that were looked at last, as long as others are not: begin and length, begin and end. */
let indexed: PackedHeaders | null = null;
let indexedEnd = 0;
let index = new Int32Array(128);
const ENTRY = 4;
/** Of so many the two or three that are asked for are found sooner by walking. A job of the main topic has six or seven. */
const FEW = 9;

function noteIndexed(headers: PackedHeaders, end: number): void {
  indexed = headers;
  indexedEnd = end;
}

export const MOST_DIGITS = 16;
const SPACE = 0x20;
const TILDE = 0x7e;

/** What the last search and the last length found beside their answer: an object for each would cost more than the search. */
let valueFrom = 0;
let valueEnd = 0;
let lengthEnd = 0;

/** A zigzag varint at `at`, negative for null; where it ends is in `lengthEnd`. What is beyond 32 bits is padding: whoever walked over it saw that it fits. */
function readLength(data: Buffer, at: number): number {
  let byte = data[at] as number;
  let end = at + 1;
  let value = byte & 0x7f;
  for (let shift = 7; byte >= 0x80; shift += 7) {
    byte = data[end++] ?? 0;
    if (shift < 35) value |= (byte & 0x7f) << shift;
  }
  lengthEnd = end;
  return (value >>> 1) ^ -(value & 1);
}

/** Whether these bytes are the text, of which ASCII alone is looked at. */
function isAscii(data: Buffer, from: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at++) {
    const byte = data[from + at] as number;
    if (byte > 127 || byte !== text.charCodeAt(at)) return false;
  }
  return true;
}

/** Of the last record that was unpacked, by their places. */
const names: string[] = [];
const NAMES_KEPT = 32;
const LONGEST_NAME_KEPT = 64;

/** The name of a record's header number `index`: mostly that of the record before, whose text is taken again. */
function readName(data: Buffer, from: number, length: number, index: number): string {
  const former = names[index];
  if (former !== undefined && isAscii(data, from, length, former)) return former;
  const name = data.toString('utf8', from, from + length);
  if (index < NAMES_KEPT && length <= LONGEST_NAME_KEPT) names[index] = name;
  return name;
}

import { PackedHeaders, type CarriedHeaders } from '../kafka/packedHeaders.ts';
import type { Headers, HeaderValue } from '../kafka/port.ts';
import { CONTENT_TYPE, headerNames, isStandingHeader, SPEC_VERSION } from '../kafka/envelope.ts';

/**
 * What a waiting job carries and nobody looks at until it runs, in one piece: its value and its headers, as a string of bytes (latin1). A hundred
 * thousand jobs as objects and buffers would take several times the memory; a string is one object, moved and freed by the garbage collector.
 *
 * Layout: 1 byte (0: the value is null), value, 1 byte (0: no headers), then for each header its name and value. Lengths are varints; names that occur in
 * nearly every job are one byte. Headers that say where a job stands are left out, as in every copy of it; id and kind are kept by the job.
 */
export interface Body {
  readonly value: Buffer | null;
  readonly headers: Headers | undefined;
}

/** The same, its headers in whatever form they came. */
export interface GivenBody {
  readonly value: Buffer | null;
  readonly headers: CarriedHeaders;
}

/** What the job itself knows. */
export interface BodyOwner {
  readonly id: string;
  readonly kind: string;
}

/** Their numbers are held in memory and in files that live no longer than the process: they may change with every version. */
const known = [
  headerNames.specVersion, headerNames.id, headerNames.kind, headerNames.source, headerNames.time, headerNames.contentType, headerNames.traceparent,
  headerNames.tracestate, headerNames.notBefore, headerNames.uniqueFor, headerNames.schedule, headerNames.tick,
] as const;
const codes = new Map<string, number>(known.map((name, index) => [name, index + 1]));
const OTHER_NAME = 0;
/** The id and kind that the job has, and what nearly every record says. */
const SAME_ID = 252;
const SAME_KIND = 253;
const USUAL_SPEC_VERSION = 254;
const USUAL_CONTENT_TYPE = 255;
const NO_HEADERS = 0;
const SOME_HEADERS = 1;
/** Of a known name, and the lengths around a header. */
const HEADER_OVERHEAD_BYTES = 24;

let scratch = Buffer.allocUnsafeSlow(64 * 1024);
let end = 0;
/** Beyond what was packed. */
let wireBytes = 0;

/** A packed body, valid until the next is packed. */
export interface PackedBody {
  readonly length: number;
  /** What value and headers take in a record, from above. */
  readonly wireBytes: number;
  /** As a string of bytes. */
  text(): string;
  copyTo(target: Buffer, at: number): void;
}

/** Copies: nothing of what it is given is held on to. */
export function packBody(body: GivenBody, owner: BodyOwner): PackedBody {
  end = 0;
  wireBytes = 0;
  reserve(1);
  scratch[end++] = body.value === null ? 0 : 1;
  if (body.value !== null) writeBytes(body.value);
  reserve(1);
  scratch[end++] = body.headers === undefined ? NO_HEADERS : SOME_HEADERS;
  if (body.headers instanceof PackedHeaders) {
    packing = owner;
    body.headers.each(copyHeader);
  } else if (body.headers !== undefined) writeHeaders(body.headers, owner);
  return packed;
}

/** What lies in the scratch buffer. */
const packed: PackedBody = {
  get length() { return end; },
  get wireBytes() { return wireBytes + end; },
  text: () => scratch.toString('latin1', 0, end),
  copyTo: (target, at) => { scratch.copy(target, at, 0, end); },
};

function writeHeaders(headers: Headers, owner: BodyOwner): void {
  for (const name of Object.keys(headers)) {
    if (isStandingHeader(name)) continue;
    const value = headers[name];
    if (Array.isArray(value)) for (const one of value) writeHeader(name, one);
    else if (!writeUsual(name, value, owner)) writeHeader(name, value);
  }
}

function writeName(name: string): void {
  reserve(1);
  const code = codes.get(name) ?? OTHER_NAME;
  scratch[end++] = code;
  wireBytes += HEADER_OVERHEAD_BYTES;
  if (code === OTHER_NAME) writeBytes(Buffer.from(name));
}

/** Whose headers are copied. */
let packing: BodyOwner = { id: '', kind: '' };

/** A header as it came: of several of one name each is copied by itself, and they come together when they are unpacked. */
function copyHeader(name: string, data: Buffer, from: number, to: number): void {
  if (isStandingHeader(name)) return;
  const code = to < 0 ? null : codeOfUsual(name);
  if (code !== null) {
    const { text } = readUsual(code, packing) as Usual;
    if (isTextAt(data, from, to - from, text)) {
      writeCode(code, text);
      return;
    }
  }
  writeName(name);
  if (to < 0) {
    writeVarint(0);
    return;
  }
  const length = to - from;
  writeVarint(length + 1);
  reserve(length);
  data.copy(scratch, end, from, to);
  end += length;
}

function writeHeader(name: string, value: Buffer | string | undefined): void {
  writeName(name);
  if (value === undefined) {
    writeVarint(0);
    return;
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  writeVarint(bytes.length + 1);
  copy(bytes);
}

/** Name and value in one byte, where the value is what it mostly is. @returns false where it is not */
function writeUsual(name: string, value: Buffer | string | undefined, owner: BodyOwner): boolean {
  const code = codeOfUsual(name);
  if (code === null || value === undefined) return false;
  const { text } = readUsual(code, owner) as Usual;
  if (!isText(value, text)) return false;
  writeCode(code, text);
  return true;
}

function writeCode(code: number, text: string): void {
  reserve(1);
  scratch[end++] = code;
  wireBytes += HEADER_OVERHEAD_BYTES + text.length;
}

function codeOfUsual(name: string): number | null {
  switch (name) {
    case headerNames.id: return SAME_ID;
    case headerNames.kind: return SAME_KIND;
    case headerNames.specVersion: return USUAL_SPEC_VERSION;
    case headerNames.contentType: return USUAL_CONTENT_TYPE;
    default: return null;
  }
}

interface Usual {
  readonly name: string;
  readonly text: string;
}

function readUsual(code: number, owner: BodyOwner): Usual | null {
  switch (code) {
    case SAME_ID: return { name: headerNames.id, text: owner.id };
    case SAME_KIND: return { name: headerNames.kind, text: owner.kind };
    case USUAL_SPEC_VERSION: return { name: headerNames.specVersion, text: SPEC_VERSION };
    case USUAL_CONTENT_TYPE: return { name: headerNames.contentType, text: CONTENT_TYPE };
    default: return null;
  }
}

/** Byte for byte; true for ASCII alone. */
function isText(value: Buffer | string, text: string): boolean {
  return typeof value === 'string' ? value === text : isTextAt(value, 0, value.length, text);
}

function isTextAt(data: Buffer, from: number, length: number, text: string): boolean {
  if (length !== text.length) return false;
  for (let at = 0; at < length; at++) {
    const byte = data[from + at] as number;
    if (byte > 127 || byte !== text.charCodeAt(at)) return false;
  }
  return true;
}

function reserve(bytes: number): void {
  if (end + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(scratch.length * 2, end + bytes));
  scratch.copy(larger, 0, 0, end);
  scratch = larger;
}

function writeVarint(value: number): void {
  reserve(5);
  let rest = value;
  while (rest >= 0x80) {
    scratch[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  scratch[end++] = rest;
}

function writeBytes(bytes: Buffer): void {
  writeVarint(bytes.length);
  copy(bytes);
}

function copy(bytes: Buffer): void {
  reserve(bytes.length);
  scratch.set(bytes, end);
  end += bytes.length;
}

/** What {@link packBody} packed, with buffers of their own. */
export function unpackBody(text: string, owner: BodyOwner): Body {
  const bytes = Buffer.from(text, 'latin1');
  const reader = { bytes, at: 1 };
  const value = bytes[0] === 0 ? null : readBytes(reader, readVarint(reader));
  if (bytes[reader.at++] === NO_HEADERS) return { value, headers: undefined };
  const headers = Object.create(null) as Record<string, HeaderValue>;
  while (reader.at < bytes.length) {
    const code = bytes[reader.at++] ?? OTHER_NAME;
    const usual = readUsual(code, owner);
    if (usual !== null) put(headers, usual.name, Buffer.from(usual.text));
    else {
      const name = code === OTHER_NAME ? readBytes(reader, readVarint(reader)).toString() : (known[code - 1] as string);
      const length = readVarint(reader);
      put(headers, name, length === 0 ? undefined : readBytes(reader, length - 1));
    }
  }
  return { value, headers };
}

/** The same name again: all values, in the order of the record. */
function put(headers: Record<string, HeaderValue>, name: string, value: Buffer | undefined): void {
  const before = headers[name];
  if (!(name in headers) || before === undefined || value === undefined) headers[name] = value ?? before;
  else if (Array.isArray(before)) before.push(value);
  else headers[name] = [before, value];
}

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function readVarint(reader: Reader): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = reader.bytes[reader.at++] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

function readBytes(reader: Reader, length: number): Buffer {
  const from = reader.at;
  reader.at += length;
  return reader.bytes.subarray(from, reader.at);
}

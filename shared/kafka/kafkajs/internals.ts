import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { MillraceError } from '../../errors/MillraceError.ts';

/**
 * The parts of KafkaJS that this driver stands on: its network layer (sockets, framing, SASL, request time limits) and its
 * protocol layer (encoders and decoders of every request). They are not its public API, so the version is checked exactly,
 * and this is the only file that reaches into the package.
 *
 * Two methods of its request queue are replaced. `scheduleCheckPendingRequests` re-arms a timer with a negative delay for ever,
 * even when nothing waits, which costs a 1 ms loop a connection (and TimeoutNegativeWarning on newer Node). A check is needed
 * only while requests wait for the end of a throttle; one that waits for a free slot is sent when a response arrives.
 * `scheduleRequestTimeoutCheck` looks at every connection ten times a second by the wall clock; `link.ts` keeps the limits instead.
 */
const require = createRequire(import.meta.url);
const EXPECTED_VERSION = '2.2.4';

export interface WireRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  readonly expectResponse?: () => boolean;
  encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
}

export interface WireResponse {
  decode(raw: Buffer): Promise<unknown>;
  parse(data: unknown): Promise<unknown>;
}

interface WireCall {
  readonly request: WireRequest;
  readonly response: WireResponse;
  readonly requestTimeout?: number | null;
  readonly logResponseError?: boolean;
}

interface RequestDefinition {
  readonly versions: string[];
  protocol(options: { version: number }): (payload: object) => WireCall;
}

export type ApiVersions = Record<number, { minVersion: number; maxVersion: number }>;
export type SocketFactory = (options: { host: string; port: number; ssl?: object | true; onConnect: () => void }) => Socket;

interface SilentLogger {
  namespace(): SilentLogger;
  debug(): void;
  info(): void;
  warn(): void;
  error(): void;
}

interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly socketFactory: SocketFactory;
  readonly ssl?: object | true | null;
  readonly sasl?: object | null;
  readonly logger: SilentLogger;
}

export interface Connection {
  readonly socket?: Socket;
  readonly requestQueue: RequestQueue;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  isConnected(): boolean;
  setVersions(versions: ApiVersions): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
  authenticate(): Promise<void>;
  send(call: WireCall): Promise<unknown>;
}

interface RequestQueue {
  readonly pending: unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  rejectAll(error: Error): void;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
}

export interface Encoder {
  readonly buffer: Buffer;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeString(value: string | null): Encoder;
  writeBytes(value: Buffer | null): Encoder;
}

export interface Decoder {
  offset: number;
  readonly buffer: Buffer;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string | null;
  readBytes(): Buffer | null;
}

export interface MemberMetadata {
  readonly version: number;
  readonly topics: string[];
  readonly userData: Buffer | null;
}

export interface Internals {
  readonly Connection: new (options: ConnectionOptions) => Connection;
  readonly defaultSocketFactory: () => SocketFactory;
  readonly requests: Record<string, RequestDefinition>;
  readonly lookup: (versions: ApiVersions) => (apiKey: number, definition: RequestDefinition) => (payload: object) => WireCall;
  readonly apiKeys: Record<string, number>;
  readonly Encoder: new (initialBytes?: number) => Encoder;
  readonly Decoder: new (buffer: Buffer) => Decoder;
  readonly MemberMetadata: { encode(data: { version: number; topics: string[]; userData: Buffer }): Buffer; decode(buffer: Buffer): MemberMetadata };
  readonly MemberAssignment: {
    encode(data: { version: number; assignment: Record<string, number[]>; userData: Buffer }): Buffer;
    decode(buffer: Buffer): { version: number; assignment: Record<string, number[]>; userData: Buffer | null } | null;
  };
}

let loaded: Internals | undefined;

/** KafkaJS's inner parts, patched once. @throws MillraceError BAD_CONFIG when another version of kafkajs is installed */
export function kafkajsInternals(): Internals {
  loaded ??= load();
  return loaded;
}

function load(): Internals {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== EXPECTED_VERSION) {
    throw new MillraceError('BAD_CONFIG', { at: 'kafkajs', expected: `version ${EXPECTED_VERSION} exactly`, got: version, fix: 'Install that version; the driver uses inner parts of it' });
  }
  calmTimers((require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue }).prototype);
  const { requests, lookup } = require('kafkajs/src/protocol/requests/index.js') as Pick<Internals, 'requests' | 'lookup'>;
  const { MemberMetadata, MemberAssignment } = require('kafkajs/src/consumer/assignerProtocol.js') as Pick<Internals, 'MemberMetadata' | 'MemberAssignment'>;
  return {
    Connection: require('kafkajs/src/network/connection.js') as Internals['Connection'],
    defaultSocketFactory: require('kafkajs/src/network/socketFactory.js') as Internals['defaultSocketFactory'],
    requests,
    lookup,
    apiKeys: require('kafkajs/src/protocol/requests/apiKeys.js') as Internals['apiKeys'],
    Encoder: require('kafkajs/src/protocol/encoder.js') as Internals['Encoder'],
    Decoder: require('kafkajs/src/protocol/decoder.js') as Internals['Decoder'],
    MemberMetadata,
    MemberAssignment,
  };
}

function calmTimers(prototype: RequestQueue): void {
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue) {
    const throttledForMs = this.throttledUntil - Date.now();
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0 || throttledForMs <= 0) return;
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, throttledForMs);
  };
  prototype.scheduleRequestTimeoutCheck = nothing;
}

const nothing = (): void => undefined;
/** KafkaJS logs every failed request by itself; the driver reports what matters through its own channels instead. */
export const silentLogger: SilentLogger = { namespace: () => silentLogger, debug: nothing, info: nothing, warn: nothing, error: nothing };

import type { Clock } from '../../runtime/clock.ts';
import { describeCode, isTransportFailure } from './failure.ts';
import { kafkajsInternals, silentLogger, type ApiVersions, type Connection, type SocketFactory, type WireRequest, type WireResponse } from './internals.ts';
import { within } from './pause.ts';

/** How to reach and enter a cluster. */
export interface Access {
  readonly clientId: string;
  /** TLS options as `node:tls` takes them, or true for its defaults; absent: plain text. */
  readonly ssl?: object | true;
  /** SASL as KafkaJS takes it (`mechanism`, `username`, …). */
  readonly sasl?: object;
  readonly connectTimeoutMs: number;
  /** Opens sockets; the default is KafkaJS's own. */
  readonly socketFactory?: SocketFactory;
}

/** A process that was frozen, or whose event loop was blocked, first reads what came meanwhile, and judges then. */
const LAST_LOOK_MS = 50;
const LATE = Symbol('late');

/** What a link is told by whoever opens it. */
export interface LinkOptions {
  readonly clock: Clock;
  /** The time limit of a request that names none, and of authentication. The first answer of all must come within the time for connecting. */
  readonly requestTimeoutMs: number;
  /** A request passed its limit: the broker, or the way to it, has said nothing to it since then (monotonic ms). */
  readonly silent?: (sinceMs: number) => void;
}

/**
 * One connection to one broker, used until its first failure and never reconnected: a fresh one has no half-read frame, no
 * stale queue and no throttle of its predecessor. Every request has a time limit; one that passes it breaks the link.
 *
 * The limits are kept here, by the monotonic clock: KafkaJS's own go by the wall clock (set back by an hour, a dead connection
 * would go unnoticed for an hour), and authentication has none there.
 */
export class Link {
  readonly address: string;
  readonly #connection: Connection;
  readonly #options: LinkOptions;
  /** When bytes last came, monotonic ms. */
  #heardMs = -Infinity;
  #versions: ApiVersions = {};
  #closed = false;

  /** Use {@link Link.open}. */
  private constructor(address: string, connection: Connection, options: LinkOptions) {
    this.address = address;
    this.#connection = connection;
    this.#options = options;
  }

  /** @throws KafkaJS connection and protocol errors (see `failure.ts`) */
  static async open(access: Access, host: string, port: number, options: LinkOptions): Promise<Link> {
    const { Connection, defaultSocketFactory } = kafkajsInternals();
    const openSocket = access.socketFactory ?? defaultSocketFactory();
    const link = new Link(`${host}:${port}`, new Connection({
      host,
      port,
      clientId: access.clientId,
      connectionTimeout: access.connectTimeoutMs,
      requestTimeout: Infinity,
      // Requests are whole when they are written: waiting for more (Nagle) only delays the second of two small ones.
      socketFactory: (options) => openSocket(options).setNoDelay(true),
      ssl: access.ssl ?? null,
      sasl: access.sasl ?? null,
      logger: silentLogger,
    }), options);
    try {
      await link.#connection.connect();
      link.#connection.socket?.on('data', () => { link.#heardMs = options.clock.monotonic(); });
      await link.#handshake(Math.min(access.connectTimeoutMs, options.requestTimeoutMs));
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** The requests that the broker takes, by API key. */
  get versions(): ApiVersions {
    return this.#versions;
  }

  /** Whether the broker said anything on this link after that moment (monotonic ms). */
  heardSince(ms: number): boolean {
    return this.#heardMs > ms;
  }

  get usable(): boolean {
    return !this.#closed && this.#connection.isConnected();
  }

  /** Sends a request that KafkaJS encodes and decodes; error codes inside the reply are left to the caller. */
  async request<Reply>(api: string, payload: object): Promise<Reply> {
    const { requests, lookup, apiKeys } = kafkajsInternals();
    const definition = requests[api];
    const apiKey = apiKeys[api];
    if (definition === undefined || apiKey === undefined) throw new TypeError(`no such request: ${api}`);
    const call = lookup(this.#versions)(apiKey, definition)(payload);
    return (await this.#send(call.request, call.response, call.requestTimeout ?? null)) as Reply;
  }

  /**
   * Sends a request with our own encoding or decoding. The broker must know its version.
   * @param patience `while-it-comes`: the limit counts from the last bytes that came, for replies that are large and links that are slow
   */
  async requestRaw<Reply>(request: WireRequest, decode: (raw: Buffer) => Reply, timeoutMs: number | null = null, patience: 'none' | 'while-it-comes' = 'none'): Promise<Reply> {
    const known = this.#versions[request.apiKey];
    if (known === undefined || known.maxVersion < request.apiVersion) {
      throw Object.assign(new Error(`the broker is too old for ${request.apiName} v${request.apiVersion}`), { code: 35, type: describeCode(35) });
    }
    return (await this.#send(request, { decode: (raw) => Promise.resolve(decode(raw)), parse: (data) => Promise.resolve(data) }, timeoutMs, patience)) as Reply;
  }

  async #send(request: WireRequest, response: WireResponse, timeoutMs: number | null, patience: 'none' | 'while-it-comes' = 'none'): Promise<unknown> {
    try {
      const reply = this.#connection.send({ request, response: { decode: (raw) => response.decode(raw), parse: (data) => Promise.resolve(data) }, logResponseError: false });
      return await this.#inTime(reply, request.apiName, Math.max(timeoutMs ?? 0, this.#options.requestTimeoutMs), patience);
    } catch (error) {
      if (isTransportFailure(error)) this.close();
      throw error;
    }
  }

  /** @throws a time-out in KafkaJS's words when the limit passes; then the link is silent, and its opener hears of it */
  async #inTime<T>(reply: Promise<T>, what: string, limitMs: number, patience: 'none' | 'while-it-comes' = 'none'): Promise<T> {
    const { clock, silent } = this.#options;
    const sentMs = clock.monotonic();
    // What a throttle holds back has not been sent.
    let leftMs = limitMs + Math.max(0, this.#connection.requestQueue.throttledUntil - Date.now());
    while (leftMs > 0) {
      const outcome = await within(clock, leftMs, reply, LATE);
      if (outcome !== LATE) return outcome;
      leftMs = patience === 'none' ? 0 : Math.max(sentMs, this.#heardMs) + limitMs - clock.monotonic();
    }
    const outcome = await within(clock, LAST_LOOK_MS, reply, LATE);
    if (outcome !== LATE) return outcome;
    reply.catch(() => undefined);
    if (!this.#closed) silent?.(sentMs);
    throw Object.assign(new Error(`${what} got no answer within ${Math.round(limitMs)} ms`), { name: 'KafkaJSRequestTimeoutError' });
  }

  async #handshake(firstAnswerWithinMs: number): Promise<void> {
    const { requests, apiKeys } = kafkajsInternals();
    const definition = requests['ApiVersions'];
    if (definition === undefined) throw new TypeError('no ApiVersions request');
    const call = definition.protocol({ version: 2 })({});
    const reply = (await this.#inTime(this.#connection.send({ ...call, logResponseError: false }), 'ApiVersions', firstAnswerWithinMs)) as { apiVersions: { apiKey: number; minVersion: number; maxVersion: number }[] };
    this.#versions = Object.fromEntries(reply.apiVersions.map((api) => [api.apiKey, { minVersion: api.minVersion, maxVersion: api.maxVersion }]));
    this.#connection.setVersions(this.#versions);
    this.#connection.setSupportAuthenticationProtocol(this.#versions[apiKeys['SaslAuthenticate'] ?? -1] !== undefined);
    await this.#inTime(this.#connection.authenticate(), 'authentication', this.#options.requestTimeoutMs);
  }

  /** Rejects what is under way and drops the socket. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.requestQueue.rejectAll(Object.assign(new Error('the connection was closed'), { name: 'KafkaJSConnectionClosedError' }));
    this.#connection.disconnect().catch(() => undefined);
    this.#connection.socket?.destroy();
  }
}

import { describeCode, isTransportFailure } from './failure.ts';
import { kafkajsInternals, silentLogger, type ApiVersions, type Connection, type SocketFactory, type WireRequest, type WireResponse } from './internals.ts';

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

/**
 * One connection to one broker, used until its first failure and never reconnected: a fresh one has no half-read frame, no
 * stale queue and no throttle of its predecessor. Every request has a time limit; one that passes it breaks the link.
 */
export class Link {
  readonly address: string;
  readonly #connection: Connection;
  #versions: ApiVersions = {};
  #closed = false;

  /** Use {@link Link.open}. */
  private constructor(address: string, connection: Connection) {
    this.address = address;
    this.#connection = connection;
  }

  /** @throws KafkaJS connection and protocol errors (see `failure.ts`) */
  static async open(access: Access, host: string, port: number, requestTimeoutMs: number): Promise<Link> {
    const { Connection, defaultSocketFactory } = kafkajsInternals();
    const openSocket = access.socketFactory ?? defaultSocketFactory();
    const link = new Link(`${host}:${port}`, new Connection({
      host,
      port,
      clientId: access.clientId,
      connectionTimeout: access.connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Requests are whole when they are written: waiting for more (Nagle) only delays the second of two small ones.
      socketFactory: (options) => openSocket(options).setNoDelay(true),
      ssl: access.ssl ?? null,
      sasl: access.sasl ?? null,
      logger: silentLogger,
    }));
    try {
      await link.#connection.connect();
      await link.#handshake();
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
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

  /** Sends a request with our own encoding or decoding. The broker must know its version. */
  async requestRaw<Reply>(request: WireRequest, decode: (raw: Buffer) => Reply, timeoutMs: number | null = null): Promise<Reply> {
    const known = this.#versions[request.apiKey];
    if (known === undefined || known.maxVersion < request.apiVersion) {
      throw Object.assign(new Error(`the broker is too old for ${request.apiName} v${request.apiVersion}`), { code: 35, type: describeCode(35) });
    }
    return (await this.#send(request, { decode: (raw) => Promise.resolve(decode(raw)), parse: (data) => Promise.resolve(data) }, timeoutMs)) as Reply;
  }

  async #send(request: WireRequest, response: WireResponse, timeoutMs: number | null): Promise<unknown> {
    try {
      return await this.#connection.send({ request, response: { decode: (raw) => response.decode(raw), parse: (data) => Promise.resolve(data) }, requestTimeout: timeoutMs, logResponseError: false });
    } catch (error) {
      if (isTransportFailure(error)) this.close();
      throw error;
    }
  }

  async #handshake(): Promise<void> {
    const { requests, apiKeys } = kafkajsInternals();
    const definition = requests['ApiVersions'];
    if (definition === undefined) throw new TypeError('no ApiVersions request');
    const call = definition.protocol({ version: 2 })({});
    const reply = (await this.#connection.send({ ...call, logResponseError: false })) as { apiVersions: { apiKey: number; minVersion: number; maxVersion: number }[] };
    this.#versions = Object.fromEntries(reply.apiVersions.map((api) => [api.apiKey, { minVersion: api.minVersion, maxVersion: api.maxVersion }]));
    this.#connection.setVersions(this.#versions);
    this.#connection.setSupportAuthenticationProtocol(this.#versions[apiKeys['SaslAuthenticate'] ?? -1] !== undefined);
    await this.#connection.authenticate();
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

import { createServer, type Server } from 'node:net';
import { freePorts } from '../../../shared/embedded/freePorts.ts';
import { apiKeys } from './kafkaFrames.ts';
import { ProxiedConnection } from './proxiedConnection.ts';
import type { Trouble } from './trouble.ts';

const HOST = '127.0.0.1';

/**
 * A TCP proxy in front of one broker, on a port of its own that stays the same. It knows Kafka's frames, so both ends must speak in them.
 * One trouble at a time; a new one replaces the last.
 */
export class FaultProxy {
  readonly port: number;
  readonly #random: () => number;
  readonly #connections = new Set<ProxiedConnection>();
  #server: Server | null = null;
  #upstreamPort = 0;
  #trouble: Trouble | null = null;
  #asked = 0;
  #lostReplies = 0;
  #closed = false;

  private constructor(port: number, random: () => number) {
    this.port = port;
    this.#random = random;
  }

  /** Listens on a free port of 127.0.0.1. Say {@link lead} before anybody connects. @param random in [0, 1), for jitter */
  static async open(random: () => number = Math.random): Promise<FaultProxy> {
    for (let tries = 1; ; tries++) {
      const [port = 0] = await freePorts([0]);
      const proxy = new FaultProxy(port, random);
      try {
        await proxy.#listen();
        return proxy;
      } catch (error) {
        if (tries === 5) throw error;
      }
    }
  }

  /** Where it leads from now on. */
  lead(upstreamPort: number): void {
    this.#upstreamPort = upstreamPort;
  }

  /** The trouble in force. */
  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#connections.size;
  }

  /** Replies swallowed so far. */
  get lostReplies(): number {
    return this.#lostReplies;
  }

  async impose(trouble: Trouble): Promise<void> {
    await this.lift();
    this.#trouble = trouble;
    this.#asked = 0;
    if (trouble.type === 'refuse') this.#unlisten();
    else for (const connection of this.#connections) connection.suffer(trouble);
  }

  /** Ends the trouble. Resolves when new connections are taken again. */
  async lift(): Promise<void> {
    this.#trouble = null;
    for (const connection of this.#connections) connection.suffer(null);
    if (this.#server === null && !this.#closed) await this.#listenAgain();
  }

  /** Resets what is open (RST, both ways). @returns how many */
  reset(): number {
    const { size } = this.#connections;
    for (const connection of [...this.#connections]) connection.reset();
    return size;
  }

  /** Says the end of file on what is open, in one direction only: nothing more goes that way, the other one stays open. */
  halfClose(toward: 'broker' | 'client'): number {
    for (const connection of this.#connections) connection.halfClose(toward);
    return this.#connections.size;
  }

  close(): void {
    this.#closed = true;
    this.reset();
    this.#unlisten();
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const connection = new ProxiedConnection(client, this.#upstreamPort, {
        random: this.#random,
        loses: (apiKey) => this.#loses(apiKey),
        lost: () => { this.#lostReplies += 1; },
        over: () => { this.#connections.delete(connection); },
      });
      this.#connections.add(connection);
      connection.suffer(this.#trouble);
    });
    await new Promise<void>((resolve, reject) => { server.once('error', reject).listen({ port: this.port, host: HOST }, resolve); });
    this.#server = server;
  }

  /** Somebody may have taken the port meanwhile, as an outgoing one for instance; a broker that waits for its own port does the same. */
  async #listenAgain(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#listen();
      } catch (error) {
        if (tries === 100) throw error;
        await new Promise((resolve) => { setTimeout(resolve, 100); });
      }
    }
  }

  /** Nobody new gets in; what is open stays. */
  #unlisten(): void {
    this.#server?.close();
    this.#server = null;
  }

  #loses(apiKey: number): 'reset' | 'silence' | null {
    const trouble = this.#trouble;
    if (trouble?.type !== 'lose-reply') return null;
    if (trouble.to !== 'any' && apiKey !== apiKeys[trouble.to]) return null;
    this.#asked += 1;
    return this.#asked % trouble.every === 0 ? trouble.then : null;
  }
}

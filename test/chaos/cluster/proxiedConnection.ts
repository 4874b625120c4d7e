import { connect, type Socket } from 'node:net';
import { FrameCutter } from './kafkaFrames.ts';
import { freeFlow, OneWay, type Flow } from './oneWay.ts';
import type { Trouble } from './trouble.ts';

/** What a connection asks and tells its proxy. */
export interface ProxySide {
  readonly random: () => number;
  /** Whether the reply to the request that comes now shall be lost, and what then. */
  loses(apiKey: number): 'reset' | 'silence' | null;
  lost(): void;
  over(): void;
}

/** One client's connection and its other half to the broker. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #side: ProxySide;
  readonly #toBroker: OneWay;
  readonly #toClient: OneWay;
  /** Correlation ids of requests whose replies shall be lost. */
  readonly #losing = new Map<number, 'reset' | 'silence'>();
  readonly #requests = new FrameCutter('requests');
  readonly #replies = new FrameCutter('replies');
  #trouble: Trouble | null = null;
  /** Directions in which nothing will travel any more. */
  #dead: 'both' | 'to-broker' | 'to-client' | null = null;
  #swallowing = false;
  #over = false;

  constructor(client: Socket, upstreamPort: number, side: ProxySide) {
    this.#client = client;
    this.#side = side;
    this.#broker = connect({ port: upstreamPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#toBroker = new OneWay(client, this.#broker, freeFlow, (chunk) => this.#asking(chunk), side.random);
    this.#toClient = new OneWay(this.#broker, client, freeFlow, (chunk) => this.#answering(chunk), side.random);
    for (const socket of [this.#client, this.#broker]) {
      // Refused by the broker, or reset by either: then it is reset for both.
      socket.on('error', () => { this.reset(); });
      socket.on('close', () => {
        if (this.#client.destroyed && this.#broker.destroyed) this.#end();
      });
    }
  }

  suffer(trouble: Trouble | null): void {
    if (this.#trouble?.type === 'cut' && this.#trouble.afterwards === 'dead') this.#dead = joined(this.#dead, this.#trouble.direction);
    this.#trouble = trouble;
    this.#toBroker.flow = this.#flow('to-broker');
    this.#toClient.flow = this.#flow('to-client');
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#broker.resetAndDestroy();
    this.#end();
  }

  halfClose(toward: 'broker' | 'client'): void {
    (toward === 'broker' ? this.#broker : this.#client).end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#toBroker.stop();
    this.#toClient.stop();
    this.#side.over();
  }

  #flow(direction: 'to-broker' | 'to-client'): Flow {
    const trouble = this.#trouble;
    const isCut = trouble?.type === 'cut' && (trouble.direction === 'both' || trouble.direction === direction);
    const isDead = this.#dead === 'both' || this.#dead === direction;
    if (isCut || isDead) return { ...freeFlow, held: true };
    if (trouble?.type === 'delay') return { ...freeFlow, delayMs: trouble.delayMs, jitterMs: trouble.jitterMs };
    if (trouble?.type === 'narrow') return { ...freeFlow, bytesPerSecond: trouble.bytesPerSecond };
    return freeFlow;
  }

  *#asking(chunk: Buffer): Iterable<Buffer> {
    for (const { bytes, head } of this.#requests.cut(chunk)) {
      if (head?.apiKey !== null && head?.apiKey !== undefined) {
        const then = this.#side.loses(head.apiKey);
        if (then !== null) this.#losing.set(head.correlationId, then);
      }
      yield bytes;
    }
  }

  *#answering(chunk: Buffer): Iterable<Buffer> {
    for (const { bytes, head, last } of this.#replies.cut(chunk)) {
      const then = head === null ? undefined : this.#losing.get(head.correlationId);
      if (head !== null && then !== undefined) {
        this.#losing.delete(head.correlationId);
        this.#side.lost();
        if (then === 'reset') {
          this.reset();
          return;
        }
        this.#dead = joined(this.#dead, 'to-client');
        this.#swallowing = true;
      }
      if (!this.#swallowing) yield bytes;
      else if (last) {
        this.#swallowing = false;
        this.#toClient.flow = this.#flow('to-client');
      }
    }
  }
}

function joined(one: 'both' | 'to-broker' | 'to-client' | null, other: 'both' | 'to-broker' | 'to-client'): 'both' | 'to-broker' | 'to-client' {
  return one === null || one === other ? other : 'both';
}

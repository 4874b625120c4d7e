import type { Socket } from 'node:net';

/** How bytes travel in one direction. */
export interface Flow {
  /** Nothing travels. What was on its way waits. */
  readonly held: boolean;
  readonly delayMs: number;
  /** Up to so much more, drawn for every chunk; a chunk never overtakes another. */
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
}

export const freeFlow: Flow = { held: false, delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity };

const MAX_QUEUED_BYTES = 256 * 1024;
/** A narrow link lets through so much at a time, or a frame would come all at once at the end of its time. */
const SLICE_MS = 50;

interface Parcel { readonly bytes: Buffer | 'end'; readonly dueMs: number }

/**
 * One direction of a proxied connection: from one socket to another, in order, as the flow of the moment says. A sink that is slow
 * slows the source, so does a flow that holds: what waits then waits in the kernels' buffers, as it would for a cable.
 */
export class OneWay {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #random: () => number;
  #flow: Flow;
  readonly #queue: Parcel[] = [];
  #queuedBytes = 0;
  #lastDueMs = 0;
  #blocked = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param translate what becomes of a chunk: the pieces that go on */
  constructor(source: Socket, sink: Socket, flow: Flow, translate: (chunk: Buffer) => Iterable<Buffer>, random: () => number) {
    this.#source = source;
    this.#sink = sink;
    this.#flow = flow;
    this.#random = random;
    source.on('data', (chunk: Buffer) => {
      for (const bytes of translate(chunk)) this.#take(bytes);
      this.#move();
    });
    source.on('end', () => {
      this.#queue.push({ bytes: 'end', dueMs: this.#lastDueMs });
      this.#move();
    });
    sink.on('drain', () => {
      this.#blocked = false;
      this.#move();
    });
    this.#move();
  }

  /** From now on; what is queued keeps its time, but for a hold, which stops all. */
  set flow(flow: Flow) {
    this.#flow = flow;
    this.#move();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(bytes: Buffer): void {
    const { delayMs, jitterMs, bytesPerSecond } = this.#flow;
    const slice = Math.max(1, Math.min(bytes.length, Math.floor(bytesPerSecond * SLICE_MS / 1000)));
    const arrivesMs = performance.now() + delayMs + jitterMs * this.#random();
    for (let at = 0; at < bytes.length; at += slice) {
      const piece = bytes.subarray(at, at + slice);
      this.#lastDueMs = Math.max(this.#lastDueMs, arrivesMs) + piece.length * 1000 / bytesPerSecond;
      this.#queue.push({ bytes: piece, dueMs: this.#lastDueMs });
      this.#queuedBytes += piece.length;
    }
  }

  #move(): void {
    clearTimeout(this.#timer);
    if (this.#flow.held) {
      this.#source.pause();
      return;
    }
    const nowMs = performance.now();
    while (!this.#blocked && this.#queue[0] !== undefined && this.#queue[0].dueMs <= nowMs) {
      const { bytes } = this.#queue.shift() as Parcel;
      if (bytes === 'end') {
        this.#sink.end();
        continue;
      }
      this.#queuedBytes -= bytes.length;
      // Its far end may be gone; then both sockets are about to be destroyed.
      if (this.#sink.writable) this.#blocked = !this.#sink.write(bytes);
    }
    const next = this.#queue[0];
    if (next !== undefined && !this.#blocked) this.#timer = setTimeout(() => { this.#move(); }, Math.max(1, next.dueMs - nowMs));
    if (this.#queuedBytes > MAX_QUEUED_BYTES || this.#blocked) this.#source.pause();
    else this.#source.resume();
  }
}

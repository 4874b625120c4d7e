/** The start of a frame: what a proxy must know to tell requests and their replies apart. */
export interface FrameHead {
  /** Which request it is; null in a reply, which does not say. */
  readonly apiKey: number | null;
  readonly correlationId: number;
}

/** Bytes of one frame, in order; the first piece of a frame comes with its head. */
export interface FramePiece {
  readonly bytes: Buffer;
  readonly head: FrameHead | null;
  /** The frame ends with this piece. */
  readonly last: boolean;
}

/** Kafka's numbers for requests (https://kafka.apache.org/protocol#protocol_api_keys). */
export const apiKeys = { produce: 0, commit: 8 } as const;

/** Length, api key, api version, correlation id. */
const REQUEST_HEAD_BYTES = 12;
/** Length, correlation id. */
const REPLY_HEAD_BYTES = 8;

/**
 * Cuts one direction of a connection at its frames (a length of four bytes, then so many bytes), however the network cut it. Bytes
 * of a head are held back until it is whole; all others go at once.
 */
export class FrameCutter {
  readonly #of: 'requests' | 'replies';
  #begun: Buffer = Buffer.alloc(0);
  #left = 0;

  constructor(of: 'requests' | 'replies') {
    this.#of = of;
  }

  *cut(chunk: Buffer): Iterable<FramePiece> {
    let rest = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = Buffer.alloc(0);
    while (rest.length > 0) {
      let head: FrameHead | null = null;
      if (this.#left === 0) {
        if (rest.length < (this.#of === 'requests' ? REQUEST_HEAD_BYTES : REPLY_HEAD_BYTES)) {
          this.#begun = rest;
          return;
        }
        head = this.#of === 'requests'
          ? { apiKey: rest.readInt16BE(4), correlationId: rest.readInt32BE(8) }
          : { apiKey: null, correlationId: rest.readInt32BE(4) };
        this.#left = 4 + rest.readInt32BE(0);
      }
      const bytes = rest.subarray(0, this.#left);
      rest = rest.subarray(bytes.length);
      this.#left -= bytes.length;
      yield { bytes, head, last: this.#left === 0 };
    }
  }
}

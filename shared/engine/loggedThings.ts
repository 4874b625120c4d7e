import { Fifo } from './fifo.ts';
import type { LoggedThing } from './roomLog.ts';

/** An array that grows to it one by one has just this room in V8. */
const PIECE_THINGS = 512;

/** Things and their offsets, as two arrays of plain values instead of one of pairs: there may be millions. */
interface Piece {
  readonly things: LoggedThing[];
  readonly offsets: number[];
}

/**
 * Things with their records' offsets, as the log has them. A thing that is written again stands in it twice; only where its offset is still its own it
 * counts. In pieces: a list of a million would be copied, and take its memory twice, whenever it grows.
 */
export class LoggedThings {
  readonly #pieces = new Fifo<Piece>();
  #last: Piece | null = null;
  /** In the first piece. */
  #head = 0;

  push(offset: number, thing: LoggedThing): void {
    if (this.#last === null || this.#last.things.length >= PIECE_THINGS) this.#pieces.push(this.#last = { things: [], offsets: [] });
    this.#last.things.push(thing);
    this.#last.offsets.push(offset);
  }

  /** The first that counts; what stands before it is forgotten. */
  first(): LoggedThing | undefined {
    for (let piece = this.#pieces.peek(); piece !== undefined; piece = this.#pieces.peek()) {
      for (; this.#head < piece.things.length; this.#head++) {
        const thing = piece.things[this.#head] as LoggedThing;
        if (thing.logOffset === piece.offsets[this.#head]) return thing;
      }
      this.#head = 0;
      this.#pieces.shift();
      if (piece === this.#last) this.#last = null;
    }
    return undefined;
  }

  /** Those that count, oldest first. Of what is pushed meanwhile some is visited, too. */
  *oldest(): Iterable<LoggedThing> {
    this.first();
    let head = this.#head;
    for (const piece of this.#pieces.all()) {
      for (let at = head; at < piece.things.length; at++) {
        const thing = piece.things[at] as LoggedThing;
        if (thing.logOffset === piece.offsets[at]) yield thing;
      }
      head = 0;
    }
  }
}

import { readSync } from 'node:fs';
import type { WitnessLine } from './history.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Reads what was appended to a witness file since the last look. */
export class WitnessReader {
  readonly lines: WitnessLine[] = [];
  /** Ids of the jobs that are done. */
  readonly done = new Set<string>();
  readonly #descriptor: number;
  #position = 0;
  #rest = '';

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  read(): readonly WitnessLine[] {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const bytes = readSync(this.#descriptor, buffer, 0, CHUNK_BYTES, this.#position);
      if (bytes === 0) return this.lines;
      this.#position += bytes;
      const parts = (this.#rest + buffer.toString('latin1', 0, bytes)).split('\n');
      this.#rest = parts.pop() ?? '';
      for (const part of parts) this.#add(JSON.parse(part) as WitnessLine);
    }
  }

  #add(line: WitnessLine): void {
    this.lines.push(line);
    if (line.outcome === 'done') this.done.add(line.id);
  }
}

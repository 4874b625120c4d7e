import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MillraceError } from '../errors/MillraceError.ts';
import { HEAD_BYTES, type SpillBatch } from './spillBatch.ts';
import type { OpenSpill, SpilledBody, SpillStore } from './spillStore.ts';

export interface SpillFileOptions {
  /** Local and fast; may be shared by processes. Made when it is missing. */
  readonly folder: string;
  /** All segments together; beyond it a write is refused. */
  readonly maxBytes: number;
  /** A segment is given back when nothing of it is wanted. Default 32 MiB. */
  readonly segmentBytes?: number;
}

const SEGMENT_BYTES = 32 * 1024 * 1024;
/** Bodies that lie so close are read together. */
const READ_GAP_BYTES = 32 * 1024;
const READ_BYTES = 1024 * 1024;
/** Stands in the batch's heads. */
const CHECKSUM_BYTES = HEAD_BYTES;
/** A place is a segment's number and an offset in it: a small number, as far as it can be. A segment may hold one write more than it should. */
const PLACES_PER_SEGMENT = 2 ** 26;
const NAME = /^millrace-spill-[0-9a-f]{16}$/;

interface Segment {
  readonly file: FileHandle;
  written: number;
  live: number;
  /** Reads under way: it is closed after the last. */
  readers: number;
}

/**
 * Bodies in append-only segments of the local disk. Each file is removed from its folder as soon as it is open: the disk has its bytes back when the
 * process ends, however that happens. What is found in the folder is left over from a crash between the two, and goes.
 */
export function createSpillFile(options: SpillFileOptions): OpenSpill {
  return async () => {
    await mkdir(options.folder, { recursive: true });
    for (const name of await readdir(options.folder)) if (NAME.test(name)) await rm(join(options.folder, name), { force: true });
    const store = new SpillFile(options);
    await store.open();
    return store;
  };
}

class SpillFile implements SpillStore {
  readonly #options: SpillFileOptions;
  readonly #segments = new Map<number, Segment>();
  #current = 0;
  #closed = false;

  constructor(options: SpillFileOptions) {
    this.#options = options;
  }

  /** The first segment: a folder that takes none is noticed at once. */
  async open(): Promise<void> {
    await this.#next();
  }

  get bytes(): number {
    let bytes = 0;
    for (const { written } of this.#segments.values()) bytes += written;
    return bytes;
  }

  async write(batch: SpillBatch): Promise<number[]> {
    const { bytes, end: total } = batch;
    if (total > PLACES_PER_SEGMENT - SEGMENT_BYTES) throw new MillraceError('SPILL_FULL', { expected: 'less in one write', got: total });
    if (this.bytes + total > this.#options.maxBytes) throw new MillraceError('SPILL_FULL', { at: this.#options.folder, expected: `at most ${this.#options.maxBytes} B`, got: this.bytes + total });
    if ((this.#segments.get(this.#current)?.written ?? 0) + total > (this.#options.segmentBytes ?? SEGMENT_BYTES)) await this.#next();
    const number = this.#current;
    const segment = this.#segments.get(number) as Segment;
    const places: number[] = [];
    for (let index = 0; index < batch.count; index++) {
      const start = batch.startOf(index);
      places.push(number * PLACES_PER_SEGMENT + segment.written + start - CHECKSUM_BYTES);
      bytes.writeUInt32LE(crc32(bytes.subarray(start, start + batch.lengthOf(index))), start - CHECKSUM_BYTES);
    }
    await writeWhole(segment.file, bytes, total, segment.written);
    segment.written += total;
    segment.live += batch.count;
    return places;
  }

  async read(places: readonly SpilledBody[]): Promise<(string | null)[]> {
    const found = new Array<string | null>(places.length).fill(null);
    const order = places.map((_, index) => index).sort((a, b) => (places[a] as SpilledBody).place - (places[b] as SpilledBody).place);
    await Promise.all(runsOf(order, places).map(async (run) => { await this.#readRun(run, places, found); }));
    return found;
  }

  async #readRun(run: Run, places: readonly SpilledBody[], found: (string | null)[]): Promise<void> {
    const segment = this.#segments.get(run.segment);
    if (segment === undefined) return;
    segment.readers++;
    try {
      const bytes = Buffer.allocUnsafe(run.end - run.start);
      const { bytesRead } = await segment.file.read(bytes, 0, bytes.length, run.start);
      for (const index of run.indexes) {
        const { place, length } = places[index] as SpilledBody;
        const from = place % PLACES_PER_SEGMENT - run.start + CHECKSUM_BYTES;
        if (from + length > bytesRead) continue;
        const body = bytes.subarray(from, from + length);
        if (crc32(body) === bytes.readUInt32LE(from - CHECKSUM_BYTES)) found[index] = body.toString('latin1');
      }
    } catch {
      // They are not there any more, as far as anybody can tell.
    }
    segment.readers--;
    this.#giveBack(run.segment, segment);
  }

  free({ place }: SpilledBody): void {
    const number = Math.floor(place / PLACES_PER_SEGMENT);
    const segment = this.#segments.get(number);
    if (segment === undefined) return;
    segment.live--;
    this.#giveBack(number, segment);
  }

  #giveBack(number: number, segment: Segment): void {
    if (segment.live > 0 || segment.readers > 0 || (number === this.#current && !this.#closed)) return;
    if (this.#segments.delete(number)) segment.file.close().catch(() => undefined);
  }

  async #next(): Promise<void> {
    const path = join(this.#options.folder, `millrace-spill-${randomBytes(8).toString('hex')}`);
    const file = await open(path, 'wx+', 0o600);
    await rm(path, { force: true });
    const former = this.#current;
    this.#current++;
    this.#segments.set(this.#current, { file, written: 0, live: 0, readers: 0 });
    const full = this.#segments.get(former);
    if (full !== undefined) this.#giveBack(former, full);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const files = [...this.#segments.values()].map(({ file }) => file);
    this.#segments.clear();
    await Promise.all(files.map((file) => file.close().catch(() => undefined)));
  }
}

/** A disk may take less than it is given. */
async function writeWhole(file: FileHandle, bytes: Buffer, length: number, position: number): Promise<void> {
  for (let at = 0; at < length;) {
    const { bytesWritten } = await file.write(bytes, at, length - at, position + at);
    if (bytesWritten === 0) throw new Error('the disk takes no more');
    at += bytesWritten;
  }
}

/** Bodies that are read in one go: bytes [start, end) of a segment. */
interface Run {
  readonly segment: number;
  readonly start: number;
  end: number;
  readonly indexes: number[];
}

function runsOf(order: readonly number[], places: readonly SpilledBody[]): Run[] {
  const runs: Run[] = [];
  for (const index of order) {
    const { place, length } = places[index] as SpilledBody;
    const segment = Math.floor(place / PLACES_PER_SEGMENT);
    const start = place % PLACES_PER_SEGMENT;
    const end = start + CHECKSUM_BYTES + length;
    const last = runs.at(-1);
    if (last?.segment === segment && start - last.end <= READ_GAP_BYTES && end - last.start <= READ_BYTES) {
      last.end = Math.max(last.end, end);
      last.indexes.push(index);
    } else runs.push({ segment, start, end, indexes: [index] });
  }
  return runs;
}

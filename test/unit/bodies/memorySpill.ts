import type { OpenSpill, SpilledBody, SpillStore } from '../../../shared/bodies/spillStore.ts';

/** A store in memory, as slow as the next turn of the event loop; the test breaks it. */
export class MemorySpill {
  readonly stored = new Map<number, string>();
  readonly open: OpenSpill = () => {
    if (this.full) return Promise.reject(new Error('ENOSPC'));
    this.opened++;
    return Promise.resolve(this.#store = {
      write: async (batch) => {
        await turn();
        if (this.full) throw new Error('ENOSPC');
        this.writes++;
        return Array.from({ length: batch.count }, (_, index) => {
          this.stored.set(++this.#last, batch.textOf(index));
          this.most = Math.max(this.most, this.stored.size);
          return this.#last;
        });
      },
      read: async (places: readonly SpilledBody[]) => {
        await turn();
        this.reads++;
        return places.map(({ place, length }) => {
          const body = this.stored.get(place);
          return this.damaged || body?.length !== length ? null : body;
        });
      },
      free: ({ place }) => { if (!this.stored.delete(place)) this.freedTwice++; },
      bytes: 0,
      close: () => { this.closed++; return Promise.resolve(); },
    });
  };
  /** What it says that it takes. */
  set diskBytes(bytes: number) { if (this.#store !== null) this.#store.bytes = bytes; }
  get lastPlace(): number { return this.#last; }
  #store: (Omit<SpillStore, 'bytes'> & { bytes: number }) | null = null;
  full = false;
  damaged = false;
  opened = 0;
  closed = 0;
  writes = 0;
  reads = 0;
  /** Most bodies that it held. */
  most = 0;
  freedTwice = 0;
  #last = 0;
}

function turn(): Promise<void> {
  return new Promise((resolve) => { queueMicrotask(resolve); });
}

import { Counter, type Registry } from 'prom-client';

/** A plain count that a Prometheus counter takes over when it is scraped. */
export interface Count {
  value: number;
}

export interface TalliedCounter {
  /** The count for these labels: add to its `value`. Ask once and keep it; asking again gives the same. */
  count(...labels: readonly string[]): Count;
}

export function createTalliedCounter({ registry, name, help, labelNames }: {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}): TalliedCounter {
  const counts = new Map<string, { readonly count: Count; readonly child: Counter.Internal; told: number }>();
  const counter = new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      for (const entry of counts.values()) {
        entry.child.inc(entry.count.value - entry.told);
        entry.told = entry.count.value;
      }
    },
  });
  return {
    count(...labels) {
      const key = JSON.stringify(labels);
      let entry = counts.get(key);
      if (entry === undefined) counts.set(key, (entry = { count: { value: 0 }, child: counter.labels(...labels), told: 0 }));
      return entry.count;
    },
  };
}

/** Keeps the order of a key's jobs while one of them is not ready to be sent. Keys of which none is held cost a look at a size. */
export interface KeyGates {
  /** Runs at once, or, when something is held under the key, after it. */
  pass(key: string, run: () => void): void;
  /** The same for work that takes time, and holds what comes after it. It must not fail. */
  hold(key: string, work: () => Promise<void>): void;
}

export function createKeyGates(): KeyGates {
  const gates = new Map<string, (() => Promise<void> | undefined)[]>();

  const open = (key: string, held: Promise<void>): void => {
    void held.then(() => {
      const waiting = gates.get(key) ?? [];
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const work = next();
        if (work === undefined) continue;
        open(key, work);
        return;
      }
      gates.delete(key);
    });
  };

  return {
    pass(key, run) {
      const waiting = gates.size === 0 ? undefined : gates.get(key);
      if (waiting === undefined) run();
      else waiting.push(() => { run(); return undefined; });
    },
    hold(key, work) {
      const waiting = gates.get(key);
      if (waiting !== undefined) {
        waiting.push(work);
        return;
      }
      gates.set(key, []);
      open(key, work());
    },
  };
}

/**
 * Makes one call of many that come close together: while one is under way, what comes gathers for the next. Bounded by its callers, each of whom
 * waits. @param run gets at most `maxSize` items and answers each at its index; a rejection is everybody's
 */
export function gatherCalls<Item, Answer>(run: (items: readonly Item[]) => Promise<readonly Answer[]>, maxSize: number): (item: Item) => Promise<Answer> {
  interface Call {
    readonly item: Item;
    resolve(answer: Answer): void;
    reject(error: unknown): void;
  }
  let waiting: Call[] = [];
  let running = false;

  const drain = async (): Promise<void> => {
    // What comes in the same turn shall go together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const calls = waiting.slice(0, maxSize);
      waiting = waiting.slice(maxSize);
      try {
        const answers = await run(calls.map(({ item }) => item));
        calls.forEach((call, index) => { call.resolve(answers[index] as Answer); });
      } catch (error) {
        for (const call of calls) call.reject(error);
      }
    }
    running = false;
  };

  return (item) => new Promise<Answer>((resolve, reject) => {
    waiting.push({ item, resolve, reject });
    if (running) return;
    running = true;
    void drain();
  });
}

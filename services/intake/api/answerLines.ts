import type { Line } from './readLines.ts';

/** What may be under way at once. */
export interface Window {
  readonly lines: number;
  /** No more lines are taken once those under way are of so many bytes. */
  readonly bytes: number;
}

/**
 * Answers lines as they come, several at once, and gives the answers in the order of the lines, each as soon as it and those before are there. No
 * more lines than the window says are taken and not yet given: who does not read answers is not listened to. @param answer never rejects
 */
export async function* answerLines(lines: AsyncIterator<Line>, answer: (line: Line) => Promise<string>, window: Window): AsyncGenerator<string, void, undefined> {
  const underWay: { readonly answer: Promise<string>; readonly bytes: number }[] = [];
  let bytes = 0;
  let next: Promise<IteratorResult<Line>> | null = lines.next();
  let failure: Error | null = null;
  while (next !== null || underWay.length > 0) {
    const [head] = underWay;
    const event: 'line' | 'answer' | { readonly error: Error } = await Promise.race([
      ...(head === undefined ? [] : [head.answer.then(() => 'answer' as const)]),
      // A line is only waited for while there is room for it.
      ...(next === null || underWay.length >= window.lines || bytes >= window.bytes ? [] : [next.then(() => 'line' as const, (error: Error) => ({ error }))]),
    ]);
    if (event === 'answer') {
      const first = underWay.shift() as (typeof underWay)[number];
      bytes -= first.bytes;
      yield await first.answer;
    } else if (event === 'line') {
      const result = (await next) ?? { done: true as const, value: undefined };
      if (result.done === true) next = null;
      else {
        const size = result.value.bytes?.length ?? 0;
        bytes += size;
        underWay.push({ answer: answer(result.value), bytes: size });
        next = lines.next();
        // It may fail while nobody waits for it; whoever comes to it is told.
        next.catch(() => undefined);
      }
    } else {
      failure = event.error;
      next = null;
    }
  }
  if (failure !== null) throw failure;
}

import type { Line } from './readLines.ts';

/**
 * Answers lines as they come, several at once, and gives the answers in the order of the lines, each as soon as it and those before are there. At
 * most `window` lines are taken and not yet given: who does not read answers is not listened to. @param answer never rejects
 */
export async function* answerLines(lines: AsyncIterator<Line>, answer: (line: Line) => Promise<string>, window: number): AsyncGenerator<string, void, undefined> {
  const underWay: Promise<string>[] = [];
  let next: Promise<IteratorResult<Line>> | null = lines.next();
  let failure: Error | null = null;
  while (next !== null || underWay.length > 0) {
    const [head] = underWay;
    const event: 'line' | 'answer' | { readonly error: Error } = await Promise.race([
      ...(head === undefined ? [] : [head.then(() => 'answer' as const)]),
      // A line is only waited for while there is room for it.
      ...(next === null || underWay.length >= window ? [] : [next.then(() => 'line' as const, (error: Error) => ({ error }))]),
    ]);
    if (event === 'answer') {
      yield await (underWay.shift() as Promise<string>);
    } else if (event === 'line') {
      const result = (await next) ?? { done: true as const, value: undefined };
      if (result.done === true) next = null;
      else {
        underWay.push(answer(result.value));
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

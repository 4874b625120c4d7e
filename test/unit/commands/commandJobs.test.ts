import { describe, expect, it } from 'vitest';
import { commandJobs } from '../../../shared/commands/commandJobs.ts';
import type { CommandTools } from '../../../shared/commands/commandTools.ts';

/** Tools of which only the sending counts here. */
function setUp() {
  const sent: number[] = [];
  const tools = { producer: { send: (_topic: string, partition: number) => Promise.resolve(sent.push(partition)) } } as unknown as CommandTools;
  return { sent, tools };
}

describe('a command about jobs', () => {
  const good = { id: 'a', partition: 1, offset: 7 };

  it.each<[string, unknown]>([
    ['an id', ['import-42']], ['nothing', [undefined]], ['a place without a partition', [good, { id: 'a', offset: 3 }]], ['a partition of text', [{ ...good, partition: '1' }]],
    ['an offset before the first', [{ ...good, offset: -1 }]], ['no list', 'import-42'],
  ])('is refused at once, before anything is sent, when it is given %s', async (_what, jobs) => {
    const { sent, tools } = setUp();
    await expect(commandJobs(tools, 'billing', 'cancel', jobs as [])).rejects.toMatchObject({ code: 'BAD_COMMAND', message: expect.stringContaining('a receipt of enqueue, or a buried job') as string });
    expect(sent).toEqual([]);
  });

  it('goes to the partitions of the jobs', async () => {
    const { sent, tools } = setUp();
    await commandJobs(tools, 'billing', 'run-now', [good, { ...good, partition: 0 }]);
    expect(sent).toEqual([1, 0]);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeyGates } from '../../../shared/client/keyGates.ts';

test('lets other keys pass what is held', async () => {
  const gates = createKeyGates();
  const sent: string[] = [];
  const put = Promise.withResolvers<undefined>();
  gates.hold('a', () => put.promise.then(() => { sent.push('a1'); }));
  gates.pass('a', () => { sent.push('a2'); });
  gates.pass('b', () => { sent.push('b1'); });
  expect(sent).toEqual(['b1']);
  put.resolve(undefined);
  await new Promise(setImmediate);
  expect(sent).toEqual(['b1', 'a1', 'a2']);
  gates.pass('a', () => { sent.push('a3'); });
  expect(sent.at(-1)).toBe('a3');
});

test('sends each key\'s in the order of the calls, however long each takes', async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.record({ key: fc.constantFrom('a', 'b'), turns: fc.nat(3), late: fc.boolean() }), { maxLength: 30 }),
    async (jobs) => {
      const gates = createKeyGates();
      const sent: { key: string; n: number }[] = [];
      for (const [n, { key, turns, late }] of jobs.entries()) {
        if (turns === 0) gates.pass(key, () => { sent.push({ key, n }); });
        else {
          gates.hold(key, async () => {
            for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
            sent.push({ key, n });
          });
        }
        if (late) await new Promise(setImmediate);
      }
      for (let turn = 0; turn < 100 && sent.length < jobs.length; turn++) await new Promise(setImmediate);
      for (const key of ['a', 'b']) {
        expect(sent.filter((one) => one.key === key).map(({ n }) => n)).toEqual(jobs.flatMap((job, n) => (job.key === key ? [n] : [])));
      }
    },
  ), { numRuns: 60 });
});

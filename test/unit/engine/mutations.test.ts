import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { mutations } from './world/mutations.ts';
import { targeted } from './world/targeted.ts';

const main = fileURLToPath(new URL('./world/main.ts', import.meta.url));
const caught = Object.entries(mutations).filter(([, mutation]) => mutation.seeds !== null);
const byHand = Object.entries(mutations).flatMap(([name, { targeted: title, leavesOut }]) => (title === undefined ? [] : [{ name, title, leavesOut }]));

const run = (args: readonly string[]): Promise<{ code: number; stdout: string }> =>
  promisify(execFile)(process.execPath, [main, ...args]).then(({ stdout }) => ({ code: 0, stdout }), (error: { code: number; stdout: string }) => error);

/** Proves the proof: a simulated world that forgives a missing rule would prove nothing. */
describe('the simulated world breaks when the engine leaves out', () => {
  it.each(caught)('%s', { timeout: 120_000 }, async (name, { seeds, leavesOut }) => {
    const { code, stdout } = await run(['--mutate', name, '--seeds', String(seeds)]);
    expect(code, `${leavesOut}: not noticed in ${seeds} seeds\n${stdout}`).toBe(1);
    expect(stdout).toContain('1 seeds failed');
  });
});

describe('a history written by hand', () => {
  it.each(Object.entries(targeted))('keeps what is promised: %s', (_, play) => {
    expect(play()).toBeNull();
  });

  it.each(byHand)('breaks when the engine leaves out $name', async ({ name, title, leavesOut }) => {
    const { code, stdout } = await run(['--mutate', name, '--targeted']);
    expect(code, `${leavesOut}: not noticed\n${stdout}`).toBe(1);
    expect(stdout).not.toContain(`${title}: nothing is wrong`);
  });

  it('is there for each rule that neither a seed nor a unit test catches', () => {
    expect(Object.values(mutations).filter(({ seeds, targeted: title, unitTest }) => seeds === null && title === undefined && unitTest === undefined)).toEqual([]);
  });
});

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { mutations } from './world/mutations.ts';

const main = fileURLToPath(new URL('./world/main.ts', import.meta.url));
const caught = Object.entries(mutations).filter(([, mutation]) => mutation.seeds !== null);

/** Proves the proof: a simulated world that forgives a missing rule would prove nothing. */
describe('the simulated world breaks when the engine leaves out', () => {
  it.each(caught)('%s', { timeout: 120_000 }, async (name, { seeds, leavesOut }) => {
    const played = promisify(execFile)(process.execPath, [main, '--mutate', name, '--seeds', String(seeds)]);
    const { code, stdout } = await played.then(({ stdout }) => ({ code: 0, stdout }), (error: { code: number; stdout: string }) => error);
    expect(code, `${leavesOut}: not noticed in ${seeds} seeds\n${stdout}`).toBe(1);
    expect(stdout).toContain('1 seeds failed');
  });
});

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { readJson } from '../../../shared/intake/readJson.ts';
import type { CliHost } from '../cliHost.ts';

const MAX_DEPTH = 64;

/** JSON as it is given: itself, `@file`, or `-` for standard input. @throws MillraceError BAD_USAGE (no such file), BAD_JSON */
export async function readPayload(host: Pick<CliHost, 'cwd' | 'stdin'>, given: string): Promise<unknown> {
  return readJson(await readBytes(host, given), { maxDepth: MAX_DEPTH });
}

async function readBytes({ cwd, stdin }: Pick<CliHost, 'cwd' | 'stdin'>, given: string): Promise<Uint8Array> {
  if (given === '-') {
    const parts: Buffer[] = [];
    for await (const part of stdin) parts.push(Buffer.from(part));
    return Buffer.concat(parts);
  }
  if (!given.startsWith('@')) return Buffer.from(given);
  try {
    return await readFile(resolve(cwd, given.slice(1)));
  } catch (cause) {
    throw new MillraceError('BAD_USAGE', { at: given, expected: 'a file that can be read', got: cause, cause });
  }
}

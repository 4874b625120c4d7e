import { describeValue } from '../errors/MillraceError.ts';
import { makeFailure, type Failure } from './failure.ts';

const MAX_CAUSES = 5;

/**
 * Turns whatever was thrown into the {@link Failure} that travels with the job: name, code (its own or that of the nearest
 * cause, else `ERROR`), and message with those of its causes, cut at 2 KB of UTF-8. `now` is epoch ms. Never throws, also for
 * values whose getters do.
 */
export function describeFailure(thrown: unknown, now: number): Failure {
  const chain = causesOf(thrown);
  const message = chain.map(messageOf).filter((text, i, all) => text !== '' && !all[i - 1]?.includes(text)).join(': ');
  const code = chain.map(codeOf).find((text) => text !== '') ?? 'ERROR';
  return makeFailure({ code, name: nameOf(thrown), message, at: now });
}

function causesOf(thrown: unknown): unknown[] {
  const chain = [thrown];
  while (chain.length < MAX_CAUSES) {
    const cause = readProperty(chain.at(-1), 'cause');
    if (cause === undefined || chain.includes(cause)) break;
    chain.push(cause);
  }
  return chain;
}

function messageOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const message = readProperty(value, 'message');
  if (typeof message === 'string') return message;
  try {
    return describeValue(value);
  } catch {
    return 'a value that cannot be shown';
  }
}

function codeOf(value: unknown): string {
  const code = readProperty(value, 'code');
  return typeof code === 'string' || typeof code === 'number' ? String(code) : '';
}

function nameOf(value: unknown): string {
  const name = readProperty(value, 'name');
  // A subclass that sets no name inherits 'Error'; its class says more.
  const className = readProperty(readProperty(value, 'constructor'), 'name');
  if (typeof className === 'string' && className !== '' && (name === 'Error' || typeof name !== 'string')) return className;
  if (typeof name === 'string' && name !== '') return name;
  return value === null ? 'null' : typeof value;
}

function readProperty(value: unknown, property: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return (value as Record<string, unknown>)[property];
  } catch {
    return undefined;
  }
}

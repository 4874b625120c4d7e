import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';
/**
 * "Any" is drawn from below the range that systems use for outgoing connections (from 32768 on Linux). A client that
 * keeps dialling a dead broker's port from within that range may in the end be given that very port as its own, be
 * connected to itself, and keep the broker from coming back.
 */
const ANY_FROM = 20_000;
const ANY_BELOW = 32_000;
const DRAWS = 100;

/**
 * Ports of 127.0.0.1 on which nobody listens, one per wish: the wished one where it is free, else any. A wish of 0 means any.
 * Nothing reserves them: another process may take one before it is used, so whoever starts a server on it must be ready
 * to ask again.
 */
export async function freePorts(wishes: readonly number[]): Promise<number[]> {
  const held: Held[] = [];
  try {
    // All are held until the last is found, or two wishes for "any" might get the same one.
    for (const wish of wishes) held.push((wish === 0 ? undefined : await hold(wish)) ?? await holdAny());
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map(({ release }) => release()));
  }
}

/** Whether nobody listens on that port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  const held = await hold(port);
  await held?.release();
  return held !== undefined;
}

interface Held { readonly port: number; readonly release: () => Promise<void> }

async function holdAny(): Promise<Held> {
  for (let draw = 0; draw < DRAWS; draw++) {
    const held = await hold(randomInt(ANY_FROM, ANY_BELOW));
    if (held !== undefined) return held;
  }
  throw new Error(`no free port on ${HOST} in ${DRAWS} draws`);
}

async function hold(port: number): Promise<Held | undefined> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => { resolve(false); }).listen({ port, host: HOST, exclusive: true }, () => { resolve(true); });
  });
  return listening ? { port, release: () => new Promise((resolve) => { server.close(() => { resolve(); }); }) } : undefined;
}

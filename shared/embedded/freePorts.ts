import { createServer } from 'node:net';

const HOST = '127.0.0.1';

/**
 * Ports of 127.0.0.1 on which nobody listens, one per wish: the wished one where it is free, else any. A wish of 0 means any.
 * Nothing reserves them: another process may take one before it is used, so whoever starts a server on it must be ready
 * to ask again.
 */
export async function freePorts(wishes: readonly number[]): Promise<number[]> {
  const held: Array<{ port: number; release: () => Promise<void> }> = [];
  try {
    // All are held until the last is found, or two wishes for "any" might get the same one.
    for (const wish of wishes) held.push(await hold(wish) ?? await hold(0) ?? fail());
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

async function hold(wish: number): Promise<{ port: number; release: () => Promise<void> } | undefined> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => { resolve(false); }).listen({ port: wish, host: HOST, exclusive: true }, () => { resolve(true); });
  });
  const address = server.address();
  if (!listening || address === null || typeof address === 'string') return undefined;
  return { port: address.port, release: () => new Promise((resolve) => { server.close(() => { resolve(); }); }) };
}

function fail(): never {
  throw new Error('127.0.0.1 has no free port');
}

import { isIP, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';

export interface HostGuard {
  /** Address that the API will listen on. */
  readonly listensOn: string;
  /** Names by which it may be asked besides, separated by commas; `*`: by any; null: by no others. */
  readonly names: string | null;
}

/**
 * Where only this machine can ask, and nobody has to bear a token, lets in who asks by an address, by `localhost` or by one of the names; 403 to others.
 * A page of any site can have its own name resolved to 127.0.0.1 (DNS rebinding): to the browser this API is then that site, which may read it and
 * command it, and only the name in `Host` tells. Elsewhere names are whatever people gave to the machine. Call it before routes are added.
 */
export function guardByHost(app: FastifyInstance, guard: HostGuard | null, token: string | null): void {
  if (guard === null || token !== null || !isLoopback(guard.listensOn)) return;
  const names = guard.names?.split(',').map((name) => name.trim().toLowerCase()) ?? [];
  if (names.includes('*')) return;
  app.addHook('onRequest', ({ headers: { host } }, _reply, done) => {
    if (host === undefined || isOwn(host, names)) done();
    else done(Object.assign(new Error(`expected an address, localhost, or a name in MILLRACE_API_NAMES as Host, got ${JSON.stringify(host.slice(0, 80))}`), { statusCode: 403, code: 'OTHER_HOST' }));
  });
}

function isOwn(host: string, names: readonly string[]): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  return isIP(name) === 4 || (name.startsWith('[') && isIPv6(name.slice(1, -1))) || name === 'localhost' || name.endsWith('.localhost') || names.includes(name);
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\./.test(address);
}

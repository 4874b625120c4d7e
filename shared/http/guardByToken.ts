import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../errors/MillraceError.ts';

/** Answers 401 to all that do not bear the token, but for the API's description. Without a token: lets everybody in. Call it before routes are added. */
export function guardByToken(app: FastifyInstance, token: string | null): void {
  if (token === null) return;
  const wanted = digest(token);
  app.addHook('onRequest', (request, reply, done) => {
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (request.routeOptions.url === '/openapi.json' || (given !== undefined && timingSafeEqual(digest(given), wanted))) {
      done();
      return;
    }
    void reply.header('www-authenticate', 'Bearer');
    done(new MillraceError('UNAUTHORIZED', { expected: 'Authorization: Bearer <token>', got: given === undefined ? 'none' : 'another token' }));
  });
}

/** Of one length, so that comparing tells nothing of the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

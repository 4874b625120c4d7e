import type { FastifyInstance } from 'fastify';

const reading: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Answers 403 to whatever is more than a question and comes from a page of another site. Browsers let any page post to any address, also to one that only
 * they can reach, as an operator's own machine; some commands need no body, which would make the browser ask first. Programs send none of these headers.
 */
export function refuseOtherSites(app: FastifyInstance): void {
  app.addHook('onRequest', ({ method, headers: { origin, host, 'sec-fetch-site': site } }, _reply, done) => {
    if (reading.includes(method) || !isOtherSite(site, origin, host)) done();
    else done(Object.assign(new Error('expected a program, or a page of this address, got a page of another site'), { statusCode: 403, code: 'OTHER_SITE' }));
  });
}

/** Older browsers, and addresses without TLS, tell the page's origin alone. */
function isOtherSite(site: string | string[] | undefined, origin: string | undefined, host: string | undefined): boolean {
  if (typeof site === 'string') return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && URL.parse(origin)?.host !== host;
}

import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { AddressRules } from './addressRules.ts';

export interface PostOptions {
  readonly rules: AddressRules;
  /** From the first look-up to the last header. */
  readonly timeoutMs: number;
  /** All addresses of a name; tests have their own. */
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>;
}

export interface PostAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
}

export type SafePost = (url: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal) => Promise<PostAnswer>;

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Makes POSTs to addresses that strangers chose. A socket is connected only to an address that was looked at: names are resolved once, for the connection
 * itself, so that a name that changes its mind in between gains nothing. Redirects are not followed, and of the answer only status and
 * Retry-After are read. Proxies of the environment are not used.
 * @throws MillraceError WEBHOOK_ADDRESS_REFUSED; WEBHOOK_UNDELIVERED: no answer came
 */
export function createSafePost({ rules, timeoutMs, resolve = resolveAll }: PostOptions): SafePost {
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname).then((all) => {
      const allowed = all.filter(({ address, family }) => rules.allows(address) && (options.family === undefined || options.family === 0 || options.family === family));
      const [first] = allowed;
      if (first === undefined) callback(refused(hostname), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    }, (error: NodeJS.ErrnoException) => { callback(error, []); });
  };

  return async (url, headers, body, signal) => {
    const { protocol, hostname } = new URL(url);
    // An address is connected to without being looked up.
    if (rules.refusesHost(hostname)) throw refused(hostname);
    const request = protocol === 'https:' ? httpsRequest : httpRequest;
    const options: RequestOptions = {
      method: 'POST', headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) }, lookup, agent: false, maxHeaderSize: MAX_HEADER_BYTES,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    };
    try {
      return await new Promise<PostAnswer>((answered, failed) => {
        const sent = request(url, options, (answer) => {
          drain(answer);
          answered({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? null });
        });
        // One that would rather speak another protocol: without a listener neither an answer nor an error would come.
        sent.on('upgrade', ({ statusCode }, socket) => {
          socket.destroy();
          answered({ status: statusCode ?? 0, retryAfter: null });
        });
        sent.on('error', failed);
        sent.end(body);
      });
    } catch (cause) {
      if (isMillraceError(cause)) throw cause;
      if (signal.aborted) throw signal.reason;
      throw new MillraceError('WEBHOOK_UNDELIVERED', { at: hostname, expected: `an answer within ${timeoutMs} ms`, got: cause, cause });
    }
  };
}

/** Lets a polite receiver finish, and no other go on for ever: what is too much, or late, ends the connection. */
function drain(answer: IncomingMessage): void {
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) answer.destroy();
  });
  answer.on('error', () => undefined);
}

function resolveAll(hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}

function refused(hostname: string): MillraceError {
  return new MillraceError('WEBHOOK_ADDRESS_REFUSED', { at: hostname, expected: 'a public address', fix: 'Allow its range (MILLRACE_WEBHOOKS_ALLOW), if it is meant' });
}

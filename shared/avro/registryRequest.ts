import { MillraceError } from '../errors/MillraceError.ts';

const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_MAX_REPLY_BYTES = 1024 * 1024;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

export interface RegistryOptions {
  /** Base address of a Confluent-compatible registry; user and password in it become basic auth. */
  readonly url: string;
  /** Per request, connecting and reading included. */
  readonly timeoutMs?: number;
  /** A longer reply is refused. */
  readonly maxReplyBytes?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface RegistryReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Method and path, for messages; without credentials. */
  readonly request: string;
}

export type RegistryRequest = (method: 'GET' | 'POST' | 'PUT', path: string, body?: object) => Promise<RegistryReply>;

/**
 * One request, one reply: bounded in time and size, redirects refused. It resolves with what a registry said (2xx, 404, 409, 422)
 * and throws REGISTRY_UNAVAILABLE for all else: also for a 404 that is not the registry's own, as a wrong path or a proxy gives.
 */
export function createRegistryRequest(options: RegistryOptions): RegistryRequest {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxReplyBytes = DEFAULT_MAX_REPLY_BYTES, fetch = globalThis.fetch } = options;
  const { base, authorization } = readAddress(options.url);

  return async (method, path, body) => {
    const request = `${method} ${path}`;
    const unavailable = (detail: { expected?: string; got?: unknown; cause?: unknown }): MillraceError =>
      new MillraceError('REGISTRY_UNAVAILABLE', { at: `${request} at ${base}`, ...detail });
    let response: Response;
    let reply: string | null;
    try {
      response = await fetch(base + path, {
        method,
        headers: { accept: `${CONTENT_TYPE}, application/json`, 'content-type': CONTENT_TYPE, ...(authorization === null ? {} : { authorization }) },
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      reply = await readBounded(response, maxReplyBytes);
    } catch (cause) {
      throw unavailable({ expected: `an answer within ${String(timeoutMs)} ms`, got: rootOf(cause), cause });
    }
    if (reply === null) throw unavailable({ expected: `an answer of at most ${String(maxReplyBytes)} bytes` });
    const { status } = response;
    const parsed = parseObject(reply);
    if (parsed === null) throw unavailable({ expected: 'a JSON object', got: `status ${String(status)}: ${reply.slice(0, 60)}` });
    const success = status >= 200 && status < 300;
    if (!success && !isVerdict(status, parsed['error_code'])) throw unavailable({
      expected: 'the answer of a Confluent-compatible registry',
      got: `status ${String(status)}: ${reply.slice(0, 60)}`,
      ...(status === 404 ? { fix: 'Is the path missing in the registry\'s address? Apicurio\'s is /apis/ccompat/v7' } : {}),
    });
    return { status, body: parsed, request };
  };
}

function readAddress(url: string): { base: string; authorization: string | null } {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new MillraceError('BAD_CONFIG', { at: 'schema registry URL', expected: 'http://host:port or https://host:port', got: parsed === null ? url : parsed.protocol });
  }
  const { username, password } = parsed;
  parsed.username = '';
  parsed.password = '';
  const base = parsed.href.endsWith('/') ? parsed.href : `${parsed.href}/`;
  if (username === '') return { base, authorization: null };
  const secret = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return { base, authorization: `Basic ${secret}` };
}

/** Null when the reply is longer than allowed; the rest of it is not read. */
async function readBounded(response: Response, maxBytes: number): Promise<string | null> {
  if (response.body === null) return '';
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body as AsyncIterable<Uint8Array>) {
    length += part.byteLength;
    if (length > maxBytes) return null; // Leaving the loop cancels the stream.
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** A registry's own "no": its 404s have codes such as 40403, whereas a server that has no such path answers 404 alone. */
function isVerdict(status: number, code: unknown): boolean {
  if (status === 404) return typeof code === 'number' && code >= 40_400 && code < 40_500;
  return (status === 409 || status === 422) && typeof code === 'number';
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** fetch says only "fetch failed"; what happened is in the cause. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

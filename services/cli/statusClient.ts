import { catalogue, type ErrorCode } from '../../shared/errors/catalogue.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';

/** Asks the status service. All throw STATUS_UNAVAILABLE where it does not answer, and what it answers with its code. */
export interface StatusClient {
  get<Answer>(path: string, query?: Readonly<Record<string, string | number | readonly string[] | undefined>>): Promise<Answer>;
  send<Answer>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<Answer>;
}

const TIMEOUT_MS = 40_000;

/** @param url its base, such as "http://127.0.0.1:9420" @param token that its requests must bear; null: none */
export function createStatusClient(url: string, token: string | null = null): StatusClient {
  const base = url.replace(/\/+$/, '');
  const ask = async <Answer>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<Answer> => {
    let response: Response;
    let text: string;
    try {
      response = await fetch(base + path, {
        method, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (cause) {
      throw new MillraceError('STATUS_UNAVAILABLE', { at: base, got: cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause, fix: 'Start it (npx millrace-status), or name it by --status-url or MILLRACE_STATUS_URL', cause });
    }
    const answer = parse(text);
    if (response.ok && (answer !== null || text === '')) return answer as Answer;
    throw errorOf(answer, response.status, base);
  };
  return {
    get: (path, query = {}) => {
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) {
        for (const one of Array.isArray(value) ? (value as readonly string[]) : [value as string | number | undefined]) if (one !== undefined) search.append(name, String(one));
      }
      return ask('GET', search.size === 0 ? path : `${path}?${search.toString()}`);
    },
    send: ask,
  };
}

function errorOf(answer: unknown, status: number, base: string): MillraceError {
  const { code, detail, errors } = (answer ?? {}) as { code?: unknown; detail?: unknown; errors?: readonly { field: string; message: string }[] };
  if (typeof code === 'string' && Object.hasOwn(catalogue, code)) {
    return new MillraceError(code as ErrorCode, { ...(typeof detail === 'string' ? { told: detail } : {}), ...(Array.isArray(errors) ? { fields: errors } : {}) });
  }
  return new MillraceError(status === 400 || status === 422 ? 'BAD_QUERY' : 'STATUS_UNAVAILABLE', { at: base, got: `status ${status}`, ...(typeof detail === 'string' ? { fix: detail } : {}), ...(Array.isArray(errors) ? { fields: errors } : {}) });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

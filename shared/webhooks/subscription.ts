import { randomBytes } from 'node:crypto';
import { MillraceError } from '../errors/MillraceError.ts';
import type { AddressRules } from './addressRules.ts';

/** How a job can end, as users know it. */
export const endStates = ['done', 'dead', 'cancelled'] as const;
export type EndState = (typeof endStates)[number];

/** What somebody asks for. Empty lists mean: all. */
export interface SubscriptionWish {
  readonly url: string;
  readonly description?: string;
  readonly queues?: readonly string[];
  readonly kinds?: readonly string[];
  readonly states?: readonly EndState[];
}

/** Who is told what by POST. */
export interface Subscription {
  readonly id: string;
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  readonly description: string;
  readonly queues: readonly string[];
  readonly kinds: readonly string[];
  readonly states: readonly EndState[];
  /** Of what ended before, nothing is told. */
  readonly createdMs: number;
  readonly disabledMs: number | null;
  readonly disabledReason: string | null;
}

const SECRET_BYTES = 32;
const MAX_URL = 2048;

/** @throws MillraceError BAD_WEBHOOK naming the field */
export function makeSubscription(wish: SubscriptionWish, rules: AddressRules, nowMs: number): Subscription {
  return {
    id: `sub_${randomBytes(16).toString('hex')}`,
    url: readUrl(wish.url, rules).href,
    secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`,
    description: wish.description ?? '', queues: wish.queues ?? [], kinds: wish.kinds ?? [], states: wish.states ?? [],
    createdMs: nowMs, disabledMs: null, disabledReason: null,
  };
}

/** What its name resolves to is looked at when it is connected to: that may change. */
function readUrl(text: string, rules: AddressRules): URL {
  const url = URL.parse(text);
  if (url === null || text.length > MAX_URL || (url.protocol !== 'https:' && url.protocol !== 'http:')) refuse(`an http or https address of at most ${MAX_URL} characters`, text);
  if (url.username !== '' || url.password !== '') refuse('an address without user and password', 'one with them');
  if (rules.refusesHost(url.hostname)) refuse('a public address', url.hostname, 'If it is meant, add its range to MILLRACE_WEBHOOKS_ALLOW ("127.0.0.1" for a try on this machine), of the status service and of the webhooks process');
  url.hash = '';
  return url;
}

function refuse(expected: string, got: string, fix?: string): never {
  throw new MillraceError('BAD_WEBHOOK', { at: 'url', expected, got, ...(fix === undefined ? {} : { fix }), fields: [{ field: 'body.url', message: `expected ${expected}` }] });
}

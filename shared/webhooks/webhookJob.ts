import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import { defineJob } from '../jobs/defineJob.ts';
import type { JobContext } from '../jobs/jobContext.ts';
import { dead, done, retry, snooze, type Outcome } from '../jobs/outcome.ts';
import type { Clock } from '../runtime/clock.ts';
import { webhookV1, type WebhookV1 } from '../../schemas/millrace.Webhook/payload.generated.ts';
import { createFairShare } from './fairShare.ts';
import type { PostAnswer, SafePost } from './postSafely.ts';
import { signWebhook } from './sign.ts';
import type { Subscriptions } from './subscriptions.ts';

/** The queue of deliveries, if no other is named. Of what ends in it nobody is told. */
export const WEBHOOK_QUEUE = 'millrace.webhooks';
export const WEBHOOK_KIND = 'millrace.webhook';

export interface WebhookJobOptions {
  readonly subscriptions: Subscriptions;
  readonly post: SafePost;
  readonly clock: Clock;
  readonly queue: string;
}

/** Deliveries to one subscriber at once in this process: a slow one shall not have all slots. */
const AT_ONCE = 10;
const LONGEST_RETRY_AFTER_S = 86_400;

/** The kind whose jobs are POSTs: tried twelve times in two and a half days, in no order. */
export function defineWebhookJob({ subscriptions, post, clock, queue }: WebhookJobOptions) {
  const share = createFairShare({ clock, atOnce: AT_ONCE });

  const deliver = async ({ subscription: id, body }: WebhookV1, ctx: JobContext): Promise<Outcome> => {
    const entry = share.enter(id);
    if ('afterMs' in entry) return snooze(`${entry.afterMs}ms`);
    try {
      const subscription = await subscriptions.find(id);
      if (subscription === null || subscription.disabledMs !== null) return done({ skipped: subscription === null ? 'deleted' : 'disabled' });
      const headers = { 'content-type': 'application/json', 'user-agent': 'millrace-webhooks', ...signWebhook(subscription.secret, ctx.id, clock.now(), body) };
      const answer = await post(subscription.url, headers, body, ctx.signal);
      if (answer.status === 410) await subscriptions.disable(id, 'the receiver answered 410 Gone', clock.now());
      return decideAnswer(answer, clock.now());
    } catch (error) {
      // Not the receiver's fault: it costs no attempt.
      if (isMillraceError(error, 'DATABASE_UNAVAILABLE') || isMillraceError(error, 'DATABASE_CONFLICT')) return snooze('5s');
      throw error;
    } finally {
      entry.leave();
    }
  };

  return defineJob({
    kind: WEBHOOK_KIND, queue, schema: webhookV1, key: null, order: 'none', timeout: '1m',
    retry: { attempts: 12, backoff: { first: '5s', factor: 4, max: '12h', jitter: 0.3 } },
    buryOn: 'WEBHOOK_ADDRESS_REFUSED',
    handle: deliver,
  });
}

/** What becomes of a delivery, by its answer. Pure. @throws MillraceError WEBHOOK_UNDELIVERED: to be tried again after the backoff */
export function decideAnswer({ status, retryAfter }: PostAnswer, nowMs: number): Outcome {
  if (status >= 200 && status < 300) return done({ status });
  if (status === 410) return dead('the receiver answered 410 Gone; the subscription is disabled');
  const afterS = status === 429 || status === 503 ? readRetryAfter(retryAfter, nowMs) : null;
  if (afterS !== null) return retry(`${afterS}s`);
  throw new MillraceError('WEBHOOK_UNDELIVERED', { expected: 'a status of 2xx', got: status });
}

/** Seconds, from the number or the date that the header holds; null: it holds neither. */
function readRetryAfter(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const seconds = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Math.ceil((Date.parse(text) - nowMs) / 1000);
  return Number.isNaN(seconds) ? null : Math.min(LONGEST_RETRY_AFTER_S, Math.max(1, seconds));
}

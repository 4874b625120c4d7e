import { appendFileSync } from 'node:fs';
import type { PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { retry } from '../../../shared/jobs/outcome.ts';

interface Order {
  readonly orderId: string;
  readonly cents: number;
}

/** What the tests of the command line run; its queue and its witness are told by the environment. */
const schema: PayloadSchema<Order> = { subject: 'cli.Order', version: 1, versions: [{ type: 'record', name: 'Order', namespace: 'cli', fields: [{ name: 'orderId', type: 'string' }, { name: 'cents', type: 'long' }] }] };

export const charge = defineJob({
  kind: 'order.charge', queue: process.env['CLI_TEST_QUEUE'] ?? 'cli-test', schema,
  key: (order: Order) => order.orderId, retry: { attempts: 2, backoff: { first: '10ms', jitter: 0 } },
  async handle(order: Order, ctx) {
    if (ctx.replay !== null) {
      appendFileSync(process.env['CLI_TEST_WITNESS'] ?? '', `${order.orderId} ${order.cents} ${ctx.attempt}\n`);
      await new Promise((resolve) => { setTimeout(resolve, 40); });
      return order.cents === 7 && ctx.attempt === 1 ? retry('50ms') : undefined;
    }
    if (order.cents < 0) throw Object.assign(new Error('the amount is negative'), { code: 'NEGATIVE' });
    return undefined;
  },
});

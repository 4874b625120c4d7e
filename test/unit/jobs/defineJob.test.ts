import { describe, expect, expectTypeOf, it } from 'vitest';
import type { PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobDefinition, PayloadOf } from '../../../shared/jobs/jobDefinition.ts';

interface Order {
  readonly order: number;
}

const schema: PayloadSchema<Order> = { subject: 'shop.Order', version: 1, versions: [{ type: 'record', name: 'Order', fields: [] }] };
const valid = { kind: 'order.charge', queue: 'orders', schema, key: ({ order }: Order) => String(order), handle: () => undefined };
const { handle, ...withoutHandle } = valid;

/** The error that a definition is refused with; from JavaScript, where no compiler helps. */
function refusal(options: object): MillraceError {
  try {
    defineJob(options as Parameters<typeof defineJob>[0]);
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('defineJob', () => {
  it('fills the defaults that its docstrings promise', () => {
    expect(defineJob(valid).policy).toEqual({
      kind: 'order.charge', queue: 'orders', order: 'strict', attempts: 10, backoff: { firstMs: 1000, factor: 2, maxMs: 600_000, jitter: 0.5 },
      timeoutMs: 60_000, whenBuried: 'continue', delivery: 'at-least-once', batch: null,
    });
  });

  it('compiles what is given, units fixed', () => {
    const job = defineJob({
      ...withoutHandle,
      order: 'relaxed', timeout: null, retry: { attempts: 3, backoff: { first: '250ms', factor: 3, max: '1h', jitter: 0 } },
      batch: { maxSize: 50, maxWait: '20ms' }, handleBatch: () => [], retryOn: 'ECONNREFUSED', buryOn: [TypeError, () => false],
    });
    expect(job.policy).toMatchObject({
      order: 'relaxed', timeoutMs: null, attempts: 3, backoff: { firstMs: 250, factor: 3, maxMs: 3_600_000, jitter: 0 }, batch: { maxSize: 50, maxWaitMs: 20 },
    });
    expect(job.handle).toBeNull();
    expect(job.errors.retryOn).toEqual(['ECONNREFUSED']);
    expect(job.errors.buryOn).toHaveLength(2);
  });

  it('gives an at-most-once job one attempt', () => {
    expect(defineJob({ ...valid, delivery: 'at-most-once' }).policy.attempts).toBe(1);
  });

  it('lifts the default cap of the backoff above a longer first wait', () => {
    expect(defineJob({ ...valid, retry: { backoff: { first: '1h' } } }).policy.backoff).toMatchObject({ firstMs: 3_600_000, maxMs: 3_600_000 });
  });

  it('cannot be changed afterwards', () => {
    const job = defineJob({ ...valid, batch: undefined });
    for (const part of [job, job.policy, job.policy.backoff, job.errors, job.errors.buryOn]) expect(Object.isFrozen(part)).toBe(true);
  });

  it('hands the schema\'s payload type to key and handler, and goes into a list of any kinds', () => {
    const job = defineJob({
      kind: 'order.charge', queue: 'orders', schema,
      key: (payload) => { expectTypeOf(payload).toEqualTypeOf<Order>(); return ''; },
      handle(payload, context) {
        expectTypeOf(payload).toEqualTypeOf<Order>();
        expectTypeOf(context.fence).toEqualTypeOf<number>();
      },
    });
    expectTypeOf(job.kind).toEqualTypeOf<'order.charge'>();
    expectTypeOf<PayloadOf<typeof job>>().toEqualTypeOf<Order>();
    const all: readonly JobDefinition[] = [job];
    expect(all).toHaveLength(1);
  });

  it.each<[at: string, options: object]>([
    ['kind', { ...valid, kind: '' }],
    ['kind', { ...valid, kind: 'has space' }],
    ['kind', { ...valid, kind: 'k'.repeat(201) }],
    ['kind', { ...valid, kind: undefined }],
    ['order.charge: queue', { ...valid, queue: 'orders/eu' }],
    ['order.charge: queue', { ...valid, queue: '..' }],
    ['order.charge: queue', { ...valid, queue: 'q'.repeat(225) }],
    ['order.charge: queue', { ...valid, queue: '__orders' }],
    ['order.charge: queue', { ...valid, queue: 'orders.retry' }],
    ['order.charge: queue', { ...valid, queue: 'orders.events' }],
    ['order.charge: schema', { ...valid, schema: undefined }],
    ['order.charge: schema', { ...valid, schema: { subject: 'x', version: 2, versions: [{}] } }],
    ['order.charge: key', { ...valid, key: undefined }],
    ['order.charge: key', { ...valid, key: 'order' }],
    ['order.charge: key', { ...valid, key: null }],
    ['order.charge: key', { ...valid, key: null, order: 'relaxed' }],
    ['order.charge: order', { ...valid, order: 'fifo' }],
    ['order.charge: retry', { ...valid, retry: null }],
    ['order.charge: retry.attempts', { ...valid, retry: { attempts: 0 } }],
    ['order.charge: retry.attempts', { ...valid, retry: { attempts: 1.5 } }],
    ['order.charge: retry.attempts', { ...valid, retry: { attempts: '3' } }],
    ['order.charge: retry.attempts', { ...valid, delivery: 'at-most-once', retry: { attempts: 2 } }],
    ['order.charge: retry.backoff.factor', { ...valid, retry: { backoff: { factor: 0.5 } } }],
    ['order.charge: retry.backoff.jitter', { ...valid, retry: { backoff: { jitter: NaN } } }],
    ['order.charge: retry.backoff.max', { ...valid, retry: { backoff: { first: '1m', max: '1s' } } }],
    ['order.charge: timeout', { ...valid, timeout: '0s' }],
    ['order.charge: timeout', { ...valid, timeout: '31d' }],
    ['order.charge: whenBuried', { ...valid, whenBuried: 'stop' }],
    ['order.charge: whenBuried', { ...valid, whenBuried: 'hold', order: 'none', key: null }],
    ['order.charge: whenBuried', { ...valid, whenBuried: 'hold', order: 'relaxed' }],
    ['order.charge: delivery', { ...valid, delivery: 'exactly-once' }],
    ['order.charge: batch', { ...withoutHandle, handleBatch: handle, batch: { maxSize: 2 }, delivery: 'at-most-once' }],
    ['order.charge: batch.maxSize', { ...withoutHandle, handleBatch: handle, batch: {} }],
    ['order.charge: batch', { ...valid, batch: { maxSize: 2 } }],
    ['order.charge: isolated', { ...valid, isolated: { handler: new URL('file:///render.js') } }],
    ['order.charge: isolated', { ...withoutHandle, isolated: null }],
    ['order.charge: isolated.handler', { ...withoutHandle, isolated: { handler: './render.js' } }],
    ['order.charge: isolated.maxMemory', { ...withoutHandle, isolated: { handler: new URL('file:///render.js'), maxMemory: '1GB' } }],
    ['order.charge: isolated.maxMemoryMiB', { ...withoutHandle, isolated: { handler: new URL('file:///render.js'), maxMemoryMiB: 64 } }],
    ['order.charge: delivery', { ...withoutHandle, isolated: { handler: new URL('file:///render.js') }, delivery: 'at-most-once' }],
    ['order.charge: buryOn', { ...withoutHandle, isolated: { handler: new URL('file:///render.js') }, buryOn: [() => true, TypeError] }],
    ['order.charge: batch', { ...withoutHandle, isolated: { handler: new URL('file:///render.js') }, batch: { maxSize: 2 } }],
    ['order.charge: batch', { ...withoutHandle, handleBatch: handle }],
    ['order.charge: handleBatch', { ...valid, handleBatch: handle, batch: { maxSize: 2 } }],
    ['order.charge: handle', withoutHandle],
    ['order.charge: handle', { ...valid, handle: 'x' }],
    ['order.charge: retryOn[1]', { ...valid, retryOn: [TypeError, 503] }],
    ['order.charge: buryOn[0]', { ...valid, buryOn: '' }],
    ['order.charge: lock', { ...valid, lock: 'bill' }],
    ['order.charge: lock', { ...valid, lock: () => 'bill', delivery: 'at-most-once' }],
    ['order.charge: lock', { ...withoutHandle, handleBatch: handle, batch: { maxSize: 2 }, lock: () => 'bill' }],
  ])('refuses a bad %s and says what it expected', (at, options) => {
    const error = refusal(options);
    expect(error.code).toBe('BAD_JOB_DEFINITION');
    expect(error.detail.at).toBe(at);
    expect(error.detail.expected).toBeTruthy();
    expect('got' in error.detail).toBe(true);
  });

  it.each<[at: string, options: object, fix: string]>([
    ['timout', { ...valid, timout: '1s' }, 'Did you mean timeout?'],
    ['order.charge: retry.attemps', { ...valid, retry: { attemps: 3 } }, 'Did you mean attempts?'],
    ['order.charge: retry.backoff.fisrt', { ...valid, retry: { backoff: { fisrt: '1s' } } }, 'Did you mean first?'],
    ['order.charge: batch.size', { ...withoutHandle, handleBatch: handle, batch: { size: 3 } }, 'Leave it out'],
  ])('does not know %s and helps', (at, options, fix) => {
    expect(refusal(options)).toMatchObject({ code: 'BAD_JOB_DEFINITION', detail: { at, fix } });
  });

  it.each<[at: string, options: object]>([
    ['order.charge: timeout', { ...valid, timeout: 30 }],
    ['order.charge: retry.backoff.first', { ...valid, retry: { backoff: { first: 1000 } } }],
    ['order.charge: retry.backoff.max', { ...valid, retry: { backoff: { max: '10 minutes' } } }],
    ['order.charge: batch.maxWait', { ...withoutHandle, handleBatch: handle, batch: { maxSize: 1, maxWait: 5 } }],
  ])('refuses %s without a unit', (at, options) => {
    expect(refusal(options)).toMatchObject({ code: 'BAD_DURATION', detail: { at } });
  });
});

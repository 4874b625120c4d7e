import { checkJobNames } from './checkJobNames.ts';
import { compileIsolation } from './compileIsolation.ts';
import { compilePolicy } from './compilePolicy.ts';
import type { ErrorMatcher } from './errorMatcher.ts';
import { isErrorMatcher } from './errorMatcher.ts';
import type { JobDefinition } from './jobDefinition.ts';
import type { JobPolicy } from './policy.ts';
import { refuseOption, refuseUnknownOptions } from './jobOptionErrors.ts';
import type { JobOptions } from './jobOptions.ts';

const optionNames = [
  'kind', 'queue', 'schema', 'key', 'order', 'retry', 'timeout', 'whenBuried', 'delivery', 'retryOn', 'buryOn', 'batch', 'lock', 'handle', 'isolated', 'handleBatch',
] as const satisfies (keyof JobOptions<string, unknown>)[];

/**
 * Defines a kind of job: checks every option, fills defaults, and returns a frozen definition for clients (to enqueue) and workers (to
 * run). Does nothing else. Unknown options, bare-number durations and combinations that contradict each other are refused, with the path
 * of the field.
 *
 * @throws MillraceError BAD_JOB_DEFINITION, BAD_DURATION
 */
export function defineJob<const K extends string, P>(options: JobOptions<K, P>): JobDefinition<K, P> {
  refuseUnknownOptions('', options, optionNames);
  checkJobNames(options.kind, options.queue);
  const at = (field: string): string => `${options.kind}: ${field}`;
  const { schema, key } = options;
  if (typeof schema !== 'object' || schema === null || typeof schema.subject !== 'string' || !Array.isArray(schema.versions) || schema.versions[schema.version - 1] === undefined) {
    refuseOption(at('schema'), 'a schema constant with subject, version and versions', schema, 'Import it from schemas/<subject>/payload.generated.ts');
  }
  const policy = compilePolicy(options);
  if (key !== null && typeof key !== 'function') {
    refuseOption(at('key'), 'a function from the payload to the entity, or null with order "none"', key);
  }
  if (key === null && policy.order !== 'none') {
    refuseOption(at('key'), `a function from the payload to the entity, because order is "${policy.order}"`, key, 'Give a key, or set order: "none"');
  }
  checkHandlers(options, at);
  checkLock(options.lock, policy, at);
  const errors = { retryOn: readMatchers(at('retryOn'), options.retryOn), buryOn: readMatchers(at('buryOn'), options.buryOn) };
  return Object.freeze({
    kind: options.kind,
    queue: options.queue,
    schema,
    key,
    policy,
    errors: Object.freeze(errors),
    lock: options.lock ?? null,
    handle: options.handle ?? null,
    isolated: compileIsolation(at, options.isolated, policy, errors),
    handleBatch: options.handleBatch ?? null,
  });
}

function checkHandlers(options: { handle?: unknown; isolated?: unknown; handleBatch?: unknown; batch?: unknown }, at: (field: string) => string): void {
  const { handle, isolated, handleBatch, batch } = options;
  const [first, second] = Object.entries({ handle, isolated, handleBatch }).filter(([, given]) => given !== undefined).map(([name]) => name);
  if (first === undefined) {
    refuseOption(at('handle'), 'a function handle(payload, ctx), or isolated, or handleBatch(jobs, ctx) with batch', undefined);
  }
  if (second !== undefined) refuseOption(at(second), `either ${first} or ${second}`, 'both', 'Leave one out');
  if (handle !== undefined && typeof handle !== 'function') refuseOption(at('handle'), 'a function', handle);
  if (handleBatch !== undefined && typeof handleBatch !== 'function') refuseOption(at('handleBatch'), 'a function', handleBatch);
  if (handleBatch !== undefined && batch === undefined) {
    refuseOption(at('batch'), 'batch: { maxSize, maxWait } beside handleBatch', undefined);
  }
  if (handleBatch === undefined && batch !== undefined) {
    refuseOption(at('batch'), 'batch only with handleBatch', batch, `Replace ${first} by handleBatch, or leave batch out`);
  }
}

function checkLock(lock: unknown, { batch, delivery }: JobPolicy, at: (field: string) => string): void {
  if (lock === undefined) return;
  if (typeof lock !== 'function') refuseOption(at('lock'), 'a function from the payload to the name of a lock', lock);
  if (batch !== null) refuseOption(at('lock'), 'no batch beside it', 'both', 'Leave one out');
  if (delivery === 'at-most-once') refuseOption(at('lock'), 'delivery "at-least-once" beside it: an only attempt must not wait', delivery);
}

function readMatchers(at: string, given: unknown): readonly ErrorMatcher[] {
  const list: readonly unknown[] = given === undefined ? [] : Array.isArray(given) ? given : [given];
  return Object.freeze(
    list.map((matcher, i) => (isErrorMatcher(matcher) ? matcher : refuseOption(`${at}[${i}]`, 'an error class, an error code or a predicate', matcher))),
  );
}

import type { JobContext } from '../../../../shared/jobs/jobContext.ts';
import { dead, retry, snooze, type Outcome } from '../../../../shared/jobs/outcome.ts';
import { PermanentError } from '../../../../shared/jobs/permanentError.ts';
import type { JobV1 } from '../../../../schemas/bench.Job/payload.generated.ts';

/** The handler of tests about isolated kinds: does what its payload's note says. */
export async function handle(payload: JobV1, ctx: JobContext): Promise<Outcome | undefined> {
  const act = acts[payload.note ?? ''];
  if (act === undefined) throw new Error(`nobody knows how to ${payload.note ?? 'do nothing'}`);
  return (await act(ctx, payload)) as Outcome | undefined;
}

type Act = (ctx: JobContext, payload: JobV1) => unknown;
const never = new Promise<never>(() => undefined);
const kept: unknown[] = [];

const acts: Readonly<Record<string, Act>> = {
  'succeed': () => undefined,
  'say how far it is': ({ progress }) => { progress(0.5, 'half'); },
  'succeed after 300 ms': () => new Promise((resolve) => { setTimeout(resolve, 300); }),
  'ask for another attempt': ({ attempt }) => (attempt === 1 ? retry('10ms') : undefined),
  'snooze': ({ attempt }) => (attempt === 1 ? snooze('1h') : undefined),
  'ask to be buried': () => dead('as asked'),
  'throw a type error': () => { throw new TypeError('wrong type'); },
  'throw with a code': () => { throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }); },
  'throw for good': () => { throw new PermanentError('never again'); },
  'throw null': () => { throw null; }, // eslint-disable-line @typescript-eslint/only-throw-error
  'throw what cannot be touched': () => { throw new Proxy({}, { get: () => { throw new Error('no touching'); } }); }, // eslint-disable-line @typescript-eslint/only-throw-error
  'answer 100 MB': () => 'x'.repeat(100 * 1024 * 1024),
  'answer a function': () => () => undefined,
  'talk to its parent': async () => {
    for (const word of [null, 'ready', 7, [], { type: 'log', level: 'shout', message: 'x' }, { type: 'ended', number: 1, end: { type: 'answered', outcome: { type: 'bogus' } }, rssBytes: 0 }, { type: 'unusable' }, { millrace: undefined }]) {
      await new Promise((sent) => { process.send?.(word, undefined, undefined, sent); });
    }
  },
  'leave its parent': () => { process.disconnect?.(); return never; },
  'exit': () => process.exit(0),
  'exit with 7': () => process.exit(7),
  'kill its process': () => { process.kill(process.pid, 'SIGSEGV'); return never; },
  'abort its process': () => process.abort(),
  'throw in a timer': () => { setTimeout(() => { throw new Error('in nobody\'s hands'); }, 10); return never; },
  'take a heap of objects': () => { for (const all: unknown[] = []; ; ) all.push({ n: all.length, text: `x${all.length}` }); },
  'take one huge array': () => new Array(2 ** 27).fill(0).map((_, n) => ({ n })).length,
  'take a huge map': () => { for (const all = new Map<number, object>(); ; ) all.set(all.size, {}); },
  'take buffers': async () => { for (const all: Buffer[] = []; ; ) { all.push(Buffer.alloc(10_000_000, 1)); await new Promise(setImmediate); } },
  'match for ever': () => /^(\w+\s?)*$/.test(`${'an evil text '.repeat(30)}!`),
  'spin': () => { for (;;); },
  'spin for 500 ms': () => { for (const until = performance.now() + 500; performance.now() < until; ); },
  'hang': () => never,
  'stop when told': ({ signal }) => new Promise((_, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error); }); }),
  'leave a promise behind': () => { void new Promise((_, reject) => { setTimeout(() => { reject(new Error('nobody waits for me')); }, 10); }); },
  'keep 100 MB': () => { kept.push(Buffer.alloc(100 * 1024 * 1024, 1)); },
  'log': ({ logger }) => {
    logger.info({ answer: 42 }, 'a line with fields');
    logger.warn('a line alone');
    logger.error({ err: new TypeError('told') }, 'a line with an error');
    logger.debug({ long: 'x'.repeat(10_000_000) }, 'a long line');
  },
  'tell what it was given': (ctx, payload) => dead(JSON.stringify({ payload, id: ctx.id, key: ctx.key, kind: ctx.kind, queue: ctx.queue, attempt: ctx.attempt, fence: ctx.fence, enqueuedAt: ctx.enqueuedAt })),
  'tell its number': ({ logger }, { sequence }) => { logger.info({ number: sequence }, 'told'); },
  'tell its number twice': ({ logger, attempt }, { sequence }) => {
    logger.info({ number: sequence }, 'told');
    return attempt === 1 ? retry('10ms') : undefined;
  },
  'tell its process': () => dead(String(process.pid)),
};

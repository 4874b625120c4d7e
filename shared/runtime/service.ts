import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from './clock.ts';
import { sleep } from './sleeps.ts';
import type { Logger } from './logger.ts';

/** Something that runs until it is stopped. */
export interface Service {
  readonly name: string;
  /** Concurrent and repeated calls share one start. @throws MillraceError NOT_RUNNING after {@link stop} */
  start(): Promise<void>;
  /** Idempotent; waits for a start that is under way. Does nothing to what was never started. */
  stop(): Promise<void>;
}

/**
 * Gives a start and a stop the manners of a {@link Service}. `stop` is called at most once, and also after a start that failed half-way.
 * `interrupt` is for a start that may wait for long: a stop that meets it calls this first, and the start is to end soon, either way.
 */
export function createService(name: string, work: { start(): Promise<unknown>; stop(): Promise<unknown>; interrupt?(): void }): Service {
  let starting: Promise<void> | null = null;
  let stopping: Promise<void> | null = null;
  let started = false;
  return {
    name,
    start() {
      if (stopping !== null) return Promise.reject(new MillraceError('NOT_RUNNING', { at: name, got: 'stopped', fix: 'Create it anew' }));
      starting ??= Promise.resolve().then(() => work.start()).then(() => undefined).finally(() => { started = true; });
      return starting;
    },
    stop() {
      if (stopping === null && starting !== null && !started) work.interrupt?.();
      stopping ??= starting === null ? Promise.resolve() : starting.then(() => undefined, () => undefined).then(() => work.stop()).then(() => undefined);
      return stopping;
    },
  };
}

export type StopSignal = 'SIGTERM' | 'SIGINT';

export interface RunOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** The first start waits up to so long, by chance: a fleet that restarts shall not come all at once. */
  readonly startJitterMs: number;
  /** After a signal it returns at the latest then, whatever still runs. */
  readonly stopTimeoutMs: number;
  /** Calls back for each signal; returns how to stop that. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
}

/** How a run ended, for the exit code: cleanly; a start failed; a stop failed or took too long; a second signal cut it short. */
export type RunEnd = 'stopped' | 'start-failed' | 'stop-failed' | 'forced';

/** A Ctrl-C reaches a process once from the terminal and once more from npm: within this time two signals are one request. */
const ONE_REQUEST_MS = 1000;

/**
 * Starts services one after the other, waits for a signal, and stops them in the opposite order, each whether or not the one before could. A
 * start that fails stops what had started. A signal during the start stops, too; a second one, a second later
 * or more, does not wait any more.
 */
export async function runServices(services: readonly Service[], options: RunOptions): Promise<RunEnd> {
  const { logger, clock } = options;
  const asked = Promise.withResolvers<StopSignal>();
  const forced = Promise.withResolvers<'forced'>();
  let firstSignalMs: number | null = null;
  const unlisten = options.onSignal((signal) => {
    firstSignalMs ??= clock.monotonic();
    asked.resolve(signal);
    if (clock.monotonic() - firstSignalMs > ONE_REQUEST_MS) forced.resolve('forced');
  });
  try {
    const started = startAll(services, options, () => firstSignalMs !== null);
    const first = await Promise.race([started, asked.promise]);
    if (first === 'started') {
      logger.info(`running: ${services.map(({ name }) => name).join(', ')}`);
      await asked.promise;
    }
    if (first !== 'start-failed') logger.info(`${await asked.promise}: stopping`);
    let cancelTimer = (): void => undefined;
    const late = new Promise<'late'>((resolve) => { cancelTimer = clock.after(options.stopTimeoutMs, () => { resolve('late'); }); });
    const end = await Promise.race([stopAll(services, logger), forced.promise, late]);
    cancelTimer();
    if (end === 'late') logger.error(`the stop took longer than ${options.stopTimeoutMs} ms; what is left is cut off`);
    if (end === 'forced') return 'forced';
    if (first === 'start-failed') return 'start-failed';
    return end === 'stopped' ? 'stopped' : 'stop-failed';
  } finally {
    unlisten();
  }
}

async function startAll(services: readonly Service[], { logger, clock, random, startJitterMs }: RunOptions, cancelled: () => boolean): Promise<'started' | 'start-failed'> {
  if (startJitterMs > 0) await sleep(clock, random() * startJitterMs);
  for (const service of services) {
    if (cancelled()) break;
    try {
      await service.start();
    } catch (error) {
      if (cancelled() && isMillraceError(error) && (error.code === 'NOT_RUNNING' || error.retriable)) {
        logger.info(`${service.name} was stopped during its start`);
        break;
      }
      logger.error({ err: error }, `${service.name} did not start`);
      return 'start-failed';
    }
  }
  return 'started';
}

async function stopAll(services: readonly Service[], logger: Logger): Promise<'stopped' | 'stop-failed'> {
  let end: 'stopped' | 'stop-failed' = 'stopped';
  for (const service of services.toReversed()) {
    try {
      await service.stop();
    } catch (error) {
      logger.error({ err: error }, `${service.name} did not stop cleanly`);
      end = 'stop-failed';
    }
  }
  return end;
}

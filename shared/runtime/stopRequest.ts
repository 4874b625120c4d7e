import type { Clock } from './clock.ts';

/** What tells of signals. `process` fits. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

export interface StopRequest {
  /** Aborted at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Resolves at the first. */
  readonly asked: Promise<void>;
  /** Resolves when it is asked again: do not wait any longer. */
  readonly insisted: Promise<void>;
}

/** `npm` passes on the Ctrl-C that the terminal has sent to everybody already: within this time two signals are one request. */
const ONE_REQUEST_MS = 1000;

/** Listens for Ctrl-C and SIGTERM from now on. */
export function listenForStop(source: SignalSource, clock: Clock): StopRequest {
  const controller = new AbortController();
  const asked = Promise.withResolvers<void>();
  const insisted = Promise.withResolvers<void>();
  let firstMs: number | null = null;
  const heard = (): void => {
    firstMs ??= clock.monotonic();
    if (clock.monotonic() - firstMs > ONE_REQUEST_MS) insisted.resolve();
    controller.abort();
    asked.resolve();
  };
  source.on('SIGINT', heard);
  source.on('SIGTERM', heard);
  return { signal: controller.signal, asked: asked.promise, insisted: insisted.promise };
}

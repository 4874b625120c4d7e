import { isMillraceError } from '../errors/MillraceError.ts';
import { systemClock } from './clock.ts';
import { createLogger, type Logger, type LogLevel } from './logger.ts';
import { runServices, type Service, type StopSignal } from './service.ts';

/** What a service process needs of the one that it runs in. `process` itself fits; only a main.ts hands it over. */
export interface ServiceHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  readonly stderr: { write(text: string): unknown };
  exit(code: number): unknown;
}

/** What each service's settings hold; see `processKeys`. */
export interface ProcessConfig {
  readonly logLevel: LogLevel;
  /** Milliseconds. */
  readonly startJitter: number;
  /** Milliseconds. */
  readonly stopTimeout: number;
  readonly workerId?: string | null;
}

export interface ServiceProcess<Config extends ProcessConfig> {
  /** Stands in each log line. */
  readonly name: string;
  /** @throws MillraceError BAD_CONFIG */
  readConfig(env: ServiceHost['env']): Config;
  /** The process's services in the order of their start; those that fail to be made end the process before anything has started. */
  createServices(config: Config, logger: Logger): Promise<readonly Service[]> | readonly Service[];
}

/**
 * The life of a service process: settings, log, services until SIGTERM or SIGINT, exit. Exit codes: 0 stopped cleanly; 1 a start or stop failed, or
 * was cut short; 2 the settings or arguments are wrong, told on standard error. Any other error is thrown.
 */
export async function runProcess<Config extends ProcessConfig>(host: ServiceHost, service: ServiceProcess<Config>): Promise<void> {
  try {
    const config = service.readConfig(host.env);
    const workerId = config.workerId ?? null;
    const logger = createLogger({ level: config.logLevel, service: service.name, clock: systemClock, ...(workerId === null ? {} : { workerId }) });
    const end = await runServices(await service.createServices(config, logger), {
      logger,
      clock: systemClock,
      random: Math.random,
      startJitterMs: config.startJitter,
      stopTimeoutMs: config.stopTimeout,
      onSignal(listener) {
        const signals: readonly StopSignal[] = ['SIGTERM', 'SIGINT'];
        for (const signal of signals) host.on(signal, listener);
        return () => { for (const signal of signals) host.off(signal, listener); };
      },
    });
    host.exit(end === 'stopped' ? 0 : 1);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    host.stderr.write(`${error.message}\n`);
    host.exit(2);
  }
}

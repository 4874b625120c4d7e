import { isMillraceError } from '../errors/MillraceError.ts';
import { systemClock } from './clock.ts';
import { createLogger, type Logger, type LogLevel } from './logger.ts';
import { takeArguments, type Arguments, type ArgumentsHost, type OptionsConfig, type Taken } from './readArguments.ts';
import { runServices, type Service, type StopSignal } from './service.ts';

/** What a service process needs of the one that it runs in. `process` itself fits; only a main.ts hands it over. */
export interface ServiceHost extends ArgumentsHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
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

export interface ServiceProcess<Config extends ProcessConfig, Options extends OptionsConfig> extends Taken<Options> {
  /** Stands in each log line. */
  readonly name: string;
  /** @throws MillraceError BAD_CONFIG */
  readConfig(env: ServiceHost['env']): Config;
  /** The process's services in the order of their start; those that fail to be made end the process before anything has started. */
  createServices(config: Config, logger: Logger, given: Arguments<Options>): Promise<readonly Service[]> | readonly Service[];
}

/**
 * The life of a service process: arguments, settings, log, services until SIGTERM or SIGINT, exit. Exit codes: 0 stopped cleanly; 1 a start or stop failed, or
 * was cut short; 2 the settings or arguments are wrong, told on standard error. With `--help` it
 * prints its usage and exits 0. Any other error is thrown.
 */
export async function runProcess<Config extends ProcessConfig, const Options extends OptionsConfig = Record<never, never>>(host: ServiceHost, service: ServiceProcess<Config, Options>): Promise<void> {
  const given = takeArguments(host, service);
  if (given === null) return;
  try {
    const config = service.readConfig(host.env);
    const workerId = config.workerId ?? null;
    const logger = createLogger({ level: config.logLevel, service: service.name, clock: systemClock, ...(workerId === null ? {} : { workerId }) });
    const end = await runServices(await service.createServices(config, logger, given), {
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

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../errors/MillraceError.ts';
import { readDevFile, removeDevFile, writeDevFile, type DevFile } from './devFile.ts';
import type { HostProcess, Report } from './hostProcess.ts';
import { startStack, type Stack } from './stack.ts';

export interface DevStackOptions {
  readonly host: HostProcess;
  /** Where downloads are kept. */
  readonly cacheDir: string;
  /** The ignored folder that holds `dev.json` and the topics (`data`). */
  readonly homeDir: string;
  readonly startedBy: NonNullable<DevFile['startedBy']>;
  /** Clears the topics first, if Kafka is started here. */
  readonly fresh?: boolean;
  readonly report: Report;
}

export interface DevStack extends Stack {
  /** Whether Kafka was started here, so that its topics are in `homeDir`; else it belongs to somebody else. */
  readonly ownsTopics: boolean;
  /** Writes into `dev.json`, if it is ours, where the status service answers. */
  tellStatus(statusUrl: string): Promise<void>;
}

/**
 * The stack for development: as {@link startStack}, with its topics kept in `homeDir`, and `dev.json` there while it runs. Where
 * `npm run stack` keeps one running and `KAFKA_BROKERS` names no other, that is used, and left running.
 *
 * @throws MillraceError ALREADY_RUNNING: one runs from this folder, and is not there to be shared. NOTHING_TO_RUN_KAFKA,
 *   NOTHING_TO_RUN_REGISTRY, EMBEDDED_START_FAILED as `startStack`
 */
export async function startDevStack({ host, cacheDir, homeDir, startedBy, fresh = false, report }: DevStackOptions): Promise<DevStack> {
  const devFile = join(homeDir, 'dev.json');
  const dataDir = join(homeDir, 'data');
  const ownsTopics = (host.env['KAFKA_BROKERS'] ?? '').trim() === '';
  const running = await readDevFile(host, devFile);
  const isShared = startedBy === 'start' && running?.startedBy === 'stack';
  if (running !== undefined && !isShared) {
    throw new MillraceError('ALREADY_RUNNING', {
      at: `process ${running.pids[0]}`,
      fix: `Its Kafka is on ${running.brokers}, its schema registry on ${running.registryUrl ?? '(none)'}. End it first with Ctrl-C`,
    });
  }
  if (running !== undefined && ownsTopics) return borrow(running, report);
  if (fresh && ownsTopics) await rm(dataDir, { recursive: true, force: true });
  const stack = await startStack({ host, env: host.env, cacheDir, dataDir, need: { kafka: true, registry: true }, report });
  // Beside a running stack a given Kafka is used, but the file goes on telling of the stack.
  if (running !== undefined) return { ...stack, ownsTopics, tellStatus: () => Promise.resolve() };
  const forget = (): Promise<void> => removeDevFile(devFile, host.pid);
  const content: DevFile = { brokers: stack.brokers, registryUrl: stack.registryUrl, startedBy, pids: [host.pid, ...stack.pids], startedAt: new Date().toISOString() };
  try {
    await writeDevFile(devFile, content);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return { ...stack, ownsTopics, tellStatus: (statusUrl) => writeDevFile(devFile, { ...content, statusUrl }), stop: () => stack.stop().finally(forget) };
}

function borrow(running: DevFile, report: Report): DevStack {
  report(`using the stack that process ${running.pids[0]} keeps running: Kafka on ${running.brokers}, schema registry on ${running.registryUrl ?? ''}`);
  return {
    brokers: running.brokers,
    registryUrl: running.registryUrl ?? '',
    pids: [],
    logFiles: [],
    died: new Promise(() => undefined),
    ownsTopics: false,
    tellStatus: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}

import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { Handle, JobDefinition } from '../../../shared/jobs/jobDefinition.ts';

export interface EffectsParameters {
  readonly brokers: string;
  readonly registryUrl: string;
  readonly databaseUrl: string;
  readonly workerId: string;
  readonly queue: string;
  /** Of the customer's lock; null: the kind takes none. */
  readonly lease: string | null;
  /** The handler of a job of customer `victim` waits until it exists. */
  readonly goFile: string;
}

export type EffectsSaid =
  | { readonly type: 'ready' }
  | { readonly type: 'start'; readonly id: string; readonly customer: string; readonly attempt: number; readonly token: number | null }
  | { readonly type: 'refused'; readonly id: string; readonly customer: string; readonly code: string }
  | { readonly type: 'end'; readonly id: string; readonly customer: string };

/** A kind that bills a customer; with a lease, one job of a customer at a time, whatever queue it is in. */
export function defineBilling(queue: string, lease: string | null, handle: Handle<JobV1>): JobDefinition<string, JobV1> {
  return defineJob({
    kind: `${queue}.bill`, queue, schema: jobV1, key: ({ orderId }: JobV1) => orderId, retry: { attempts: 5, backoff: { first: '50ms' } }, timeout: '2m',
    ...(lease === null ? {} : { lock: ({ customer }: JobV1) => ({ name: `bill ${customer}`, lease }) }),
    handle,
  });
}

/** What one of the workers said, which said it, and when, in microseconds of a clock that all processes of a machine share. */
export type Line = EffectsSaid & { readonly worker: string; readonly atUs: number };

/** A process of `effectsWorker.main.ts`. */
export class EffectsWorker {
  readonly #child: ChildProcess;
  readonly gone: Promise<void>;

  /** @param hear called with each line that it says; @param failed called when it ends though nobody killed it */
  constructor(parameters: EffectsParameters, hear: (line: Line) => void, failed: (error: Error) => void) {
    const main = join(import.meta.dirname, 'effectsWorker.main.ts');
    this.#child = spawn(process.execPath, ['--no-warnings', '--conditions=source', main, JSON.stringify(parameters)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.gone = new Promise((resolve) => { this.#child.once('close', (code) => {
      if (code !== null) failed(new Error(`worker ${parameters.workerId} ended with ${code}`));
      resolve();
    }); });
    if (this.#child.stdout !== null) createInterface({ input: this.#child.stdout }).on('line', (line) => { hear({ ...JSON.parse(line) as EffectsSaid & { atUs: number }, worker: parameters.workerId }); });
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }
}

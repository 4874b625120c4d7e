import { randomUUID } from 'node:crypto';
import { fetchBuried, type Buried } from '../../shared/commands/buried.ts';
import { discardBuried, redriveBuried } from '../../shared/commands/commandBuried.ts';
import type { CommandTools } from '../../shared/commands/commandTools.ts';
import type { PaceOptions } from '../../shared/commands/sendPaced.ts';
import type { Database } from '../../shared/database/port.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';
import { tellableMessage } from '../../shared/http/problem.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { DeadPlace } from '../../shared/status/selectDead.ts';

/** What is to be done with many dead jobs. */
export interface SendingWish {
  readonly queue: string;
  readonly command: 'redrive' | 'discard';
  readonly jobs: readonly DeadPlace[];
  readonly perSecond?: number;
  /** Why; of a discard. */
  readonly reason?: string;
}

export type SendingState = 'running' | 'done' | 'failed' | 'stopped' | 'lost';

/** How far it is. */
export interface Sending {
  readonly id: string;
  readonly queue: string;
  readonly command: string;
  /** `lost`: its process ended. Whoever asks for the same again goes on where it stopped: no burial is redriven twice. */
  readonly state: SendingState;
  readonly selected: number;
  /** Commands that Kafka has. Fewer than selected in the end: dead letters that are not there any more. */
  readonly sent: number;
  readonly error: string | null;
  readonly startedMs: number;
}

/** Sends commands about many jobs in the background; how far it is stands in the database, for every instance to tell. */
export interface Sendings {
  /** Resolves when it is done, or after a moment. @throws MillraceError DATABASE_* */
  start(wish: SendingWish): Promise<Sending>;
  /** @throws MillraceError SENDING_UNKNOWN */
  find(id: string): Promise<Sending>;
  /** It ends soon; what was sent stays sent. @throws MillraceError SENDING_UNKNOWN */
  stop(id: string): Promise<Sending>;
  /** Stops those of this process. */
  close(): Promise<void>;
}

export interface SendingsOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly tools: () => Promise<CommandTools>;
  /** Default 1000. */
  readonly beatMs?: number;
  readonly trouble: (error: unknown) => void;
}

/** Dead letters in memory at once: each fetch joins a group, which takes a broker some seconds. */
const CHUNK = 5000;
const CHUNK_BYTES = 32 * 1024 * 1024;
/** Of a value whose size is not known, and the headers of any. */
const ASSUMED_BYTES = 16_384;
const HEADER_BYTES = 4096;
const LOST_AFTER_BEATS = 15;
const KEPT_MS = 30 * 86_400_000;
const columns = 'id, queue, command, state, selected, sent, error, started_ms as "startedMs"';

export function createSendings({ database, clock, tools, beatMs = 1000, trouble }: SendingsOptions): Sendings {
  const running = new Map<AbortController, Promise<void>>();

  const find = async (id: string): Promise<Sending> => {
    const { rows } = await database.query<Sending>(`select ${columns.replace('state,', 'case when state = \'running\' and seen_ms < $2 then \'lost\' else state end as state,')} from operator_sendings where id = $1`, [id, clock.now() - LOST_AFTER_BEATS * beatMs]);
    const [found] = rows;
    if (found === undefined) throw new MillraceError('SENDING_UNKNOWN', { at: id });
    return found;
  };

  const run = async (id: string, { queue, command, jobs, perSecond, reason }: SendingWish, control: AbortController): Promise<void> => {
    let sent = 0;
    let state: SendingState = 'running';
    let error: string | null = null;
    const tell = async (): Promise<void> => {
      const { rows } = await database.query<{ stop: boolean }>('update operator_sendings set sent = $2, state = $3, error = $4, seen_ms = $5 where id = $1 returning stop', [id, sent, state, error, clock.now()]);
      if (rows[0]?.stop === true) control.abort();
    };
    let telling: Promise<unknown> = Promise.resolve();
    let cancelBeat = (): void => undefined;
    const beat = (): void => { cancelBeat = clock.after(beatMs, () => { telling = tell().catch(trouble).finally(() => { if (state === 'running') beat(); }); }); };
    beat();
    const pace: PaceOptions<Buried> = { clock, signal: control.signal, sent: () => { sent++; }, ...(perSecond === undefined ? {} : { perSecond }) };
    try {
      const commandTools = await tools();
      for (const chunk of chunksOf(jobs)) {
        if (control.signal.aborted) break;
        const buried = await fetchBuried(commandTools, queue, chunk);
        if (command === 'redrive') await redriveBuried(commandTools, queue, buried, pace);
        else await discardBuried(commandTools, queue, buried, { ...pace, ...(reason === undefined ? {} : { reason }) });
      }
      state = control.signal.aborted ? 'stopped' : 'done';
    } catch (failure) {
      state = 'failed';
      error = tellableMessage(failure);
      trouble(failure);
    }
    cancelBeat();
    await telling;
    await tell();
  };

  return {
    find,
    async start(wish) {
      const id = randomUUID();
      const nowMs = clock.now();
      await database.query('delete from operator_sendings where seen_ms < $1', [nowMs - KEPT_MS]);
      await database.query('insert into operator_sendings (id, queue, command, state, selected, sent, error, started_ms, seen_ms, stop) values ($1, $2, $3, \'running\', $4, 0, null, $5, $5, false)', [id, wish.queue, wish.command, wish.jobs.length, nowMs]);
      const control = new AbortController();
      const work = run(id, wish, control).catch(trouble).finally(() => { running.delete(control); });
      running.set(control, work);
      let cancel = (): void => undefined;
      await Promise.race([work, new Promise<void>((resolve) => { cancel = clock.after(beatMs, resolve); })]);
      cancel();
      return find(id);
    },
    async stop(id) {
      await database.query('update operator_sendings set stop = true where id = $1', [id]);
      return find(id);
    },
    async close() {
      for (const control of running.keys()) control.abort();
      await Promise.all(running.values());
    },
  };
}

function* chunksOf(jobs: readonly DeadPlace[]): Generator<DeadPlace[]> {
  let chunk: DeadPlace[] = [];
  let bytes = 0;
  for (const job of jobs) {
    chunk.push(job);
    bytes += (job.valueBytes ?? ASSUMED_BYTES) + HEADER_BYTES;
    if (chunk.length < CHUNK && bytes < CHUNK_BYTES) continue;
    yield chunk;
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield chunk;
}

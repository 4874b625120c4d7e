import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import { MAX_RESULT_BYTES } from '../jobs/outcome.ts';
import type { HeldLock } from '../jobs/jobEffects.ts';
import type { Database, Session } from '../database/port.ts';

/** Whose effect it is, and in which reign. */
export interface EffectOwner {
  readonly queue: string;
  readonly partition: number;
  /** Epoch of the lease under which the attempt runs. */
  readonly epoch: number;
  readonly jobId: string;
}

export interface Effect<T> {
  readonly owner: EffectOwner;
  /** Apart from others of its job; empty: the job has but one. */
  readonly step: string;
  /** Held by the attempt; each must still be when the effect lands. */
  readonly locks: () => readonly HeldLock[];
  /** Why the effect may not land, as far as this process knows. */
  readonly refusal: () => MillraceError | null;
  readonly work: (tx: Session) => Promise<T>;
}

export interface Landed<T> {
  readonly value: T;
  /** It had landed before: the work was not run, or what it did was rolled back. */
  readonly suppressed: boolean;
}

const LOOK = `
  select (select epoch from millrace_fences where queue = $1 and partition = $2) as epoch, done.job_id is not null as found, done.result
  from (select 1) as one left join millrace_inbox as done on done.queue = $1 and done.job_id = $3 and done.step = $4`;

/** Raises the fence alone, so that no transaction of a user holds its row. */
const RAISE = `
  insert into millrace_fences as fence (queue, partition, epoch) values ($1, $2, $3)
  on conflict (queue, partition) do update set epoch = excluded.epoch where fence.epoch < excluded.epoch`;

/**
 * The last statement of the transaction. Its lock on the fence's row is shared: attempts of one reign do not wait for one another, but a new owner,
 * who raises the fence before its first effect, waits for the commit; so its look at the inbox finds what landed.
 */
const LAND = `
  with fence as (select epoch from millrace_fences where queue = $1 and partition = $2 for share),
  landed as (
    insert into millrace_inbox (queue, job_id, step, result) select $1, $4, $5, $6 from fence where epoch <= $3
    on conflict do nothing returning 1
  )
  select (select epoch from fence) as epoch, (select count(*) from landed) as landed`;

/** Thrown inside a transaction to roll it back; it goes no further. */
const TWICE = new Error('another run of the same step landed first');

/**
 * Effects that land once: the user's statements, and a row that says so of the job, are one transaction. Which of several runs of a job comes first does not
 * matter; the others are given its result. A run of a former owner of the job's partition is refused once the new owner has landed anything.
 */
export class Inbox {
  readonly #database: Database;
  /** By queue and partition: the epoch that our fence was raised to. */
  readonly #raised = new Map<string, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * @throws MillraceError FENCED, LOCK_LOST, BAD_RESULT, EFFECTS_UNAVAILABLE when the database is away, as `Session.query` for what is wrong with a
   * statement; what the work throws. In each case nothing landed, but for EFFECTS_UNAVAILABLE and DATABASE_UNAVAILABLE at the commit: then nobody knows, and the next run finds out.
   */
  async land<T>(effect: Effect<T>): Promise<Landed<T>> {
    try {
      await this.#raise(effect.owner);
      return await this.#database.transaction((tx) => this.#inside(tx, effect));
    } catch (error) {
      if (error === TWICE) return { value: await this.#resultOf<T>(effect), suppressed: true };
      throw await this.#orOutage(error);
    }
  }

  async #raise({ queue, partition, epoch }: EffectOwner): Promise<void> {
    const place = `${partition}/${queue}`;
    if ((this.#raised.get(place) ?? -1) >= epoch) return;
    await this.#database.query(RAISE, [queue, partition, epoch]);
    this.#raised.set(place, epoch);
  }

  async #inside<T>(tx: Session, { owner, step, locks, refusal, work }: Effect<T>): Promise<Landed<T>> {
    const { queue, partition, epoch, jobId } = owner;
    const look = await tx.query<{ epoch: number | null; found: boolean; result: string | null }>(LOOK, [queue, partition, jobId, step]);
    const seen = look.rows[0];
    this.#checkFence(owner, seen?.epoch ?? null);
    if (seen?.found === true) return { value: readResult<T>(seen.result), suppressed: true };

    const result = writeResult(await work(tx), owner, step);
    const refused = refusal();
    if (refused !== null) throw refused;
    for (const { name, token } of locks()) await checkLock(tx, name, token);
    const { rows } = await tx.query<{ epoch: number | null; landed: number }>(LAND, [queue, partition, epoch, jobId, step, result]);
    this.#checkFence(owner, rows[0]?.epoch ?? null);
    if (rows[0]?.landed !== 1) throw TWICE;
    return { value: readResult<T>(result), suppressed: false };
  }

  #checkFence({ queue, partition, epoch, jobId }: EffectOwner, seen: number | null): void {
    if (seen === null) {
      this.#raised.delete(`${partition}/${queue}`);
      throw new MillraceError('DATABASE_CONFLICT', { at: `millrace_fences of ${queue}/${partition}`, expected: 'its row', got: 'none', fix: 'Somebody removed it; the next try writes it again' });
    }
    if (seen <= epoch) return;
    throw new MillraceError('FENCED', {
      at: `job ${jobId} of ${queue}/${partition}`, expected: `no lease above ${epoch}`, got: seen,
      fix: 'Another worker owns the partition. If its topics were made anew, their leases count from 1: delete the queue\'s rows from millrace_fences',
    });
  }

  async #resultOf<T>({ owner, step }: Effect<T>): Promise<T> {
    const { rows } = await this.#database.query<{ result: string | null }>('select result from millrace_inbox where queue = $1 and job_id = $2 and step = $3', [owner.queue, owner.jobId, step]);
    return readResult<T>(rows[0]?.result ?? null);
  }

  /** A statement that the server gave up is the job's failure; a server that answers nobody is not. */
  async #orOutage(error: unknown): Promise<unknown> {
    if (!isMillraceError(error, 'DATABASE_UNAVAILABLE')) return error;
    return this.#database.query('select 1').then(() => error, (cause: unknown) => new MillraceError('EFFECTS_UNAVAILABLE', { got: cause, cause: error }));
  }
}

async function checkLock(tx: Session, name: string, token: number): Promise<void> {
  const { rows } = await tx.query('select 1 from millrace_locks where name = $1 and token = $2 for share', [name, token]);
  if (rows.length === 0) throw lockLost(name, token);
}

export function lockLost(name: string, token: number): MillraceError {
  return new MillraceError('LOCK_LOST', { at: `lock ${JSON.stringify(name)}`, expected: `that token ${token} still holds it`, got: 'another holder, or none that renewed it in time' });
}

function writeResult(value: unknown, { queue, jobId }: EffectOwner, step: string): string | null {
  const at = `${step === '' ? 'transaction' : `once(${JSON.stringify(step)})`} of job ${jobId} of ${queue}`;
  if (value === undefined) return null;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new MillraceError('BAD_RESULT', { at, expected: 'what JSON can say', got: cause, cause });
  }
  if (text === undefined) throw new MillraceError('BAD_RESULT', { at, expected: 'what JSON can say', got: value });
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_RESULT_BYTES) throw new MillraceError('BAD_RESULT', { at, expected: `at most ${MAX_RESULT_BYTES} bytes of JSON`, got: bytes, fix: 'Write it to a table of yours, and give back its key' });
  return text;
}

/** What came back the first time comes back each time: as JSON kept it. */
function readResult<T>(text: string | null): T {
  return (text === null ? undefined : JSON.parse(text)) as T;
}

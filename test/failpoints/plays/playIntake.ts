import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Accepted } from '../../../shared/intake/jobDoor.ts';
import { createHttpClient } from '../../../shared/intake/httpClient.ts';
import type { AcceptedJob } from '../../guarantees/history.ts';
import { stepPayload } from '../../guarantees/process/stepJob.ts';
import type { Arming } from '../arming.ts';
import type { Armed } from '../failpoint.ts';
import { helperOf, JOBS, type Leg } from '../leg.ts';
import { readMainLog } from './readLog.ts';
import { serviceProgram } from './serviceProgram.ts';

export interface IntakePlay {
  /** Its idempotency keys are in an embedded database, which the next process takes over; else on a server, beside another intake. */
  readonly embedded?: boolean;
  readonly trouble?: Partial<Arming>;
}

/** A 202. */
export interface Receipt {
  readonly entity: string;
  readonly sequence: number;
  /** Null: sent without an idempotency key. */
  readonly key: string | null;
  readonly id: string;
  readonly at: string;
}

const PATIENCE = '1s';
const BATCH = 8;
/** Longer than its patience, and than its tries to reach Kafka. */
const DARK_MS = 4000;

/**
 * An intake dies while callers send jobs through it, each with an idempotency key, one by one and in a batch; they go on at another intake. Whatever
 * was answered 202 must be in Kafka; who asks again with a key gets the id that it got; and of each key one job runs.
 */
export async function playIntake(leg: Leg, armed: readonly Armed[], { embedded = false, trouble = {} }: IntakePlay): Promise<void> {
  const { scene, tour } = leg;
  const receipts: Receipt[] = [];
  for (const [round, one] of (armed.length === 0 ? [null] : armed).entries()) {
    const program = serviceProgram(tour, 'intake', embedded ? { folder: join(tour.folder, `${leg.name}-keys`) } : { url: tour.databaseUrl ?? '' }, { MILLRACE_INTAKE_PATIENCE: PATIENCE });
    const victim = leg.spawn(program, one, trouble);
    await scene.until(`${victim.name} to take jobs or be gone`, () => victim.address !== null || !victim.alive);
    let address = victim.address;
    const callers = openCallers(leg, round, receipts, () => address);
    const done = callers.send();
    // An embedded database serves one process: the next begins when this one is gone.
    const next = victim.ended.then(() => helperOf(tour, embedded ? `${victim.name}-next` : 'intake', program));
    if (!embedded) helperOf(tour, 'intake', program);
    void next.then((other) => scene.until('the other intake to take jobs', () => other.address !== null).then(() => { address = other.address; }));
    const isArmedForRun = one !== null && one.phase !== 'stop';
    if (trouble.darkFrom !== undefined) await sleep(DARK_MS);
    else await scene.until(`half of the jobs to be taken by ${victim.name}`, () => !victim.alive || callers.answered >= callers.count / (isArmedForRun ? 1 : 2));
    if (victim.alive) victim.signal('SIGTERM');
    await leg.untilGone(victim, trouble.shakyNetwork === true || trouble.darkFrom !== undefined);
    await scene.until('the callers to have their answers', () => callers.answered >= callers.count);
    await done;
    await callers.askAgain();
    if (embedded) {
      const other = await next;
      other.signal('SIGTERM');
      await other.ended;
    }
  }
  const log = (await readMainLog(scene)).filter(({ entity }) => leg.owns(entity));
  tour.violations.push(...judgeAccepted(receipts, log, scene.workload.queue).map((violation) => `intake: ${violation}`));
  scene.accepted.push(...firstOfEachId(log));
  await leg.untilSettled();
}

function openCallers(leg: Leg, round: number, receipts: Receipt[], address: () => string | null) {
  const { kind } = leg.scene.workload;
  const singles = leg.entities.slice(0, 5).map((entity) => `${entity}-k${round}`);
  const batch = Array.from({ length: BATCH }, (_, index) => `${leg.name}-b${round}-${index}`);
  const unkeyed = `${leg.name}-u${round}`;
  let answered = 0;
  const reach = (to: string, init?: RequestInit): Promise<Response> => {
    const base = address();
    return base === null ? Promise.reject(new TypeError('nobody is there')) : fetch(to.replace('http://intake', base), init);
  };
  const client = createHttpClient({ url: 'http://intake', deliveryTimeout: '100s', requestTimeout: '5s', fetch: (to, init) => reach(to as string, init) });
  const note = (entity: string, sequence: number, key: string | null, { id, at }: Accepted): void => { receipts.push({ entity, sequence, key, id, at }); };
  const keyOf = (entity: string, sequence: number): string => `${entity}/${sequence}`;
  const send = async (entity: string, sequence: number): Promise<void> => {
    const key = keyOf(entity, sequence);
    note(entity, sequence, key, await client.enqueue(kind, stepPayload(entity, sequence), { idempotencyKey: key }));
  };
  const sendBatch = async (): Promise<void> => {
    const results = await client.enqueueMany(batch.map((entity) => ({ kind, payload: stepPayload(entity, 1), idempotencyKey: keyOf(entity, 1) })));
    for (const [index, result] of results.entries()) {
      if (result instanceof Error) throw result;
      note(batch[index] ?? '', 1, keyOf(batch[index] ?? '', 1), result);
    }
  };
  const post = (body: string, headers: Readonly<Record<string, string>> = {}, path = '/v1/jobs'): Promise<Response | null> => (
    reach(`http://intake${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body }).catch(() => null)
  );
  return {
    get answered() { return answered; },
    count: JOBS * singles.length + 3,
    /** Rejects where something is refused that had to be taken. */
    async send(): Promise<void> {
      await Promise.all([
        ...singles.map(async (entity, index) => {
          for (let sequence = 1; sequence <= JOBS; sequence++) {
            // Some come twice at the same time.
            await Promise.all(Array.from({ length: index === 0 ? 2 : 1 }, () => send(entity, sequence)));
            answered++;
          }
        }),
        sendBatch().finally(() => { answered++; }),
        (async () => {
          for (let sequence = 1; sequence <= 3; sequence++) {
            const response = await post(JSON.stringify({ kind, payload: stepPayload(unkeyed, sequence) }));
            if (response?.status === 202) await response.json().then((accepted) => { note(unkeyed, sequence, null, accepted as Accepted); }, () => undefined);
          }
          answered++;
        })(),
        // What is to be refused.
        Promise.all([
          post('{"kind":'), post(JSON.stringify({ kind: 'no.such', payload: {} })), post(JSON.stringify({ kind, payload: {} })), post('no json\n{"kind":"no.such"}\n', { 'content-type': 'application/x-ndjson' }, '/v1/jobs/batch'),
          reach('http://intake/metrics').catch(() => null),
        ]).then((all) => {
          if (all.some((response) => response?.status === 202)) throw new Error('what cannot be taken was answered 202');
          answered++;
        }),
      ]);
    },
    async askAgain(): Promise<void> {
      await Promise.all([...singles.flatMap((entity) => Array.from({ length: JOBS }, (_, index) => send(entity, index + 1))), sendBatch()]);
    },
  };
}

/** Whatever was answered is in the log; one key, one id; one id for one job; and an entity's jobs came in order. */
export function judgeAccepted(receipts: readonly Receipt[], log: readonly AcceptedJob[], queue: string): string[] {
  const violations: string[] = [];
  const at = new Map(log.map((job) => [`${queue}/${job.partition}/${job.offset}`, job]));
  for (const { entity, sequence, id, at: place } of receipts) {
    if (at.get(place)?.id !== id) violations.push(`${entity}#${sequence} was answered 202 with ${place} and is not there`);
  }
  for (const [key, same] of Map.groupBy(receipts.filter((receipt) => receipt.key !== null), (receipt) => receipt.key)) {
    const ids = new Set(same.map(({ id }) => id));
    if (ids.size > 1) violations.push(`the key ${key} got ${ids.size} ids: ${[...ids].join(', ')}`);
  }
  const keyed = new Set(receipts.filter(({ key }) => key !== null).map(({ entity }) => entity));
  for (const [entity, jobs] of Map.groupBy(firstOfEachId(log), (job) => job.entity)) {
    const sequences = jobs.map(({ sequence }) => sequence);
    if (keyed.has(entity) && sequences.some((sequence, index) => sequence !== index + 1)) violations.push(`${entity}'s jobs are there as ${sequences.join(', ')}`);
  }
  return violations;
}

/** What runs: the first record of each id. */
function firstOfEachId(log: readonly AcceptedJob[]): AcceptedJob[] {
  const first = new Map<string, AcceptedJob>();
  for (const job of log.toSorted((a, b) => a.offset - b.offset)) if (!first.has(job.id)) first.set(job.id, job);
  return [...first.values()];
}

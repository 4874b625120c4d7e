import type { BuriedJob } from '../../shared/commands/buried.ts';
import { brokenInvariant } from '../unit/engine/world/invariants.ts';
import { createDice } from './dice.ts';
import { drawPlan, type Style } from './drawPlan.ts';
import { defineForProducer } from './handlers.ts';
import { judge, type Violation } from './judge.ts';
import type { JobPlan, OperatorPlan, Plan, PoisonPlan } from './plan.ts';
import type { StoryLine } from './story.ts';
import { arrangeTroubles } from './troubles.ts';
import { World } from './world.ts';

export interface Report {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly story: readonly StoryLine[];
  /** Equal for equal stories. */
  readonly fingerprint: () => string;
  readonly virtualMs: number;
  readonly starts: number;
  readonly repeats: number;
}

/** After the troubles everything must be settled within this time. */
const SETTLE_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 100;
const LANDED_AFTER_MS = 3500;
const CALL_EVERY_MS = 3000;

/** Plays a seed, or a plan: the production worker, runner, engine and client on a simulated Kafka and registry in virtual time. One plan, one history. */
export function simulate(seed: number, style: Style | null = null): Promise<Report> {
  return runPlan(drawPlan(seed, style));
}

/** @param look called before anything happens, for whoever wants to see more than the report tells */
export async function runPlan(plan: Plan, look: (world: World) => void = () => undefined): Promise<Report> {
  const world = new World(plan);
  look(world);
  world.ledger.countLines = () => world.witness.lines.length;
  arrangeJobs(world);
  for (const { id, atMs, version } of plan.workers) world.at(atMs, () => { world.hire(version, id); });
  arrangeTroubles(world);
  for (const act of plan.operator) world.at(act.atMs, () => { void operate(world, act); });
  await world.clock.advance(plan.settings.troubleMs);
  world.healAll();
  await settle(world);
  const violations = judge(world);
  const { lines } = world.witness;
  const starts = lines.filter(({ type }) => type === 'start');
  return {
    plan, violations, story: world.story.lines, fingerprint: () => world.story.fingerprint(), virtualMs: world.clock.monotonic(), starts: starts.length,
    repeats: starts.length - new Set(starts.map(({ id, round, attempt }) => `${id} ${round} ${attempt}`)).size,
  };
}

function arrangeJobs(world: World): void {
  const kinds = new Map(world.plan.kinds.map((kind) => [kind.kind, kind]));
  const definitions = new Map([...kinds.values()].flatMap((kind) => [false, true].map((newer) => [`${kind.kind} ${newer}`, defineForProducer(kind, newer)])));
  const enqueue = async (job: JobPlan): Promise<void> => {
    const { serial, kind, entity, delayMs, id, newerSchema } = job;
    const payload = { serial, entity: entity ?? 'none', ...(newerSchema ? { note: 'new' } : {}) };
    const options = { id: id ?? `job-${serial}`, ...(delayMs > 0 ? { delay: `${delayMs}ms` as const } : {}), ...(entity !== null && kinds.get(kind)?.order === 'none' ? { key: entity } : {}) };
    try {
      const receipt = await world.office.enqueue(definitions.get(`${kind} ${newerSchema}`) as ReturnType<typeof defineForProducer>, payload, options);
      world.ledger.accepted(job, receipt);
    } catch (error) {
      world.ledger.pendingEnqueues--;
      world.story.tell('refused', { detail: `job ${serial}: ${String(error)}` });
    }
  };
  for (const job of world.plan.jobs) world.at(job.atMs, () => { void enqueue(job); });
  for (const poison of world.plan.poison) world.at(poison.atMs, () => { appendPoison(world, poison); });
}

const FLAWS: Readonly<Record<PoisonPlan['flaw'], Buffer | null>> = {
  'null': null,
  'empty': Buffer.alloc(0),
  'magic': Buffer.from([7, 0, 0, 0, 1, 2]),
  'truncated': Buffer.from([0, 0, 0, 0, 1, 2]),
  'unknown-schema': Buffer.from([0, 0, 0, 99, 99, 2, 2]),
  'text': Buffer.from('{"json":true}'),
};

function appendPoison({ cluster, ledger, plan }: World, poison: PoisonPlan): void {
  const { queue, kind, entity, flaw } = poison;
  const partition = createDice(plan.seed, `poison ${queue} ${entity} ${flaw}`).between(0, plan.settings.partitions - 1);
  ledger.appending = poison;
  cluster.inspect.append(queue, partition, [{ key: entity, value: FLAWS[flaw], headers: kind === null ? {} : { ce_type: kind } }]);
  ledger.appending = null;
}

/** An operator calls some of the buried back, or forgets them. */
async function operate(world: World, { atMs, queue, command, share }: OperatorPlan): Promise<void> {
  const dice = createDice(world.plan.seed, `operator ${atMs}`);
  try {
    await world.office[command](queue, () => dice.hit(share));
  } catch (error) {
    world.troubled('office', error);
  }
}

/** Lets time pass until all is settled; then, half the time, lets somebody come who must find nothing to do. */
async function settle(world: World): Promise<void> {
  const { plan, clock, story, witness, breaches } = world;
  for (const worker of world.living) if (worker.version === 'old') void worker.stop();
  if (!world.living.some(({ version }) => version === 'new')) world.hire('new');
  // What was put on the wire during the troubles lands within this time.
  await clock.advance(LANDED_AFTER_MS);
  if (!await untilQuiet(world)) return;
  if (!createDice(plan.seed, 'last').hit(0.5)) return;
  story.tell('phase', { detail: 'all is settled; all workers go' });
  const before = witness.lines.length;
  const leaving = Promise.all(world.living.map((worker) => worker.stop()));
  let gone = false;
  void leaving.then(() => { gone = true; });
  for (let ms = 0; ms < 60_000 && !gone; ms += LOOK_EVERY_MS) await clock.advance(LOOK_EVERY_MS);
  if (!gone) breaches.push('stop hangs: an idle worker did not stop within a minute');
  world.hire('new');
  if (!await untilQuiet(world)) return;
  const late = witness.lines.slice(before).filter(({ type }) => type === 'start');
  for (const { id, attempt } of late) breaches.push(`started after all was settled: ${id}, attempt ${attempt}`);
}

async function untilQuiet(world: World): Promise<boolean> {
  const { clock, breaches } = world;
  let deadline = clock.monotonic() + SETTLE_WITHIN_MS;
  let calls = 0;
  let nextCall = 0;
  while (clock.monotonic() < deadline) {
    await clock.advance(LOOK_EVERY_MS);
    if (clock.monotonic() >= nextCall && holdsSomething(world)) {
      nextCall = clock.monotonic() + CALL_EVERY_MS;
      // A lane of jobs that all are buried is held by one after the other.
      if (calls++ < world.plan.jobs.length) deadline += CALL_EVERY_MS;
      await releaseHeld(world);
    }
    if (breaches.length > 0) return false;
    if (unrest(world) === null) return true;
  }
  breaches.push(`live, and no progress: ${unrest(world) ?? ''} ${SETTLE_WITHIN_MS} ms after the last fault`);
  return false;
}

function* partitionsOf(world: World) {
  for (const worker of world.living) {
    for (const runner of worker.worker.runners) {
      for (const partition of runner.engine.partitions.values()) yield { worker, runner, partition, queue: runner.options.topics.main };
    }
  }
}

function holdsSomething(world: World): boolean {
  for (const { partition } of partitionsOf(world)) for (const job of partition.room.values()) if (job.state === 'held') return true;
  return false;
}

/** What holds a lane is called back, or forgotten where it can never run. */
async function releaseHeld(world: World): Promise<void> {
  const held = new Set<string>();
  for (const { partition, queue } of partitionsOf(world)) for (const job of partition.room.values()) if (job.state === 'held') held.add(`${queue}/${partition.number}/${job.offset}`);
  for (const queue of world.queues) {
    const place = ({ partition, offset }: BuriedJob): string => `${queue}/${partition}/${offset}`;
    const dice = createDice(world.plan.seed, `release ${world.clock.monotonic()}`);
    const redriven = new Set([...held].filter((one) => !world.ledger.poison.has(one) && dice.hit(0.8)));
    const acts = [world.office.redrive(queue, (job) => redriven.has(place(job))), world.office.discard(queue, (job) => held.has(place(job)) && !redriven.has(place(job)))];
    let over = false;
    void Promise.allSettled(acts).then(() => { over = true; });
    await world.clock.runUntil(() => over, { maxMs: 30_000 });
  }
}

/** Why the run is not over; null when everything is settled and everybody is idle. */
function unrest(world: World): string | null {
  const { plan, cluster, queues } = world;
  const open = new Set<string>();
  for (const { worker, runner, partition, queue } of partitionsOf(world)) {
    const place = `${queue}/${partition.number} on ${worker.id}`;
    if (partition.phase !== 'active' || partition.draining) return `${place} is ${partition.draining ? 'draining' : partition.phase}`;
    if (partition.room.size > 0) return `${place}: ${[...partition.room.values()].slice(0, 3).map(({ offset, state, reason }) => `${offset} ${state} ${reason}`).join(', ')}`;
    if (runner.engine.running > 0) return `${place}: ${runner.engine.running} attempts run`;
    if (partition.events.pending + partition.retry.pending + partition.dlq.pending > 0) return `${place}: something is to be published`;
    if (partition.commands.size > 0) return `${place}: commands`;
    const broken = brokenInvariant(runner.engine as never);
    if (broken !== null) world.breaches.push(`broken invariant: ${broken}`);
    open.add(`${queue}/${partition.number}`);
  }
  if (world.living.some(({ state }) => state === 'starting')) return 'a worker starts';
  for (const queue of queues) {
    for (let partition = 0; partition < plan.settings.partitions; partition++) {
      if (!open.has(`${queue}/${partition}`)) return `${queue}/${partition} is nobody's`;
      const { endOffset } = cluster.inspect.bounds(queue, partition);
      const committed = cluster.inspect.committed(`millrace.${queue}`, queue, partition)?.offset ?? 0;
      if (committed < endOffset) return `${queue}/${partition}: committed ${committed} of ${endOffset}`;
    }
  }
  if (world.ledger.pendingEnqueues > 0) return `${world.ledger.pendingEnqueues} enqueues are under way`;
  return null;
}

import { createDice, type Dice } from './dice.ts';
import type { Fate, FaultPlan, JobPlan, KindPlan, OperatorPlan, Plan, PoisonPlan, Settings, StreamName, WorkerPlan } from './plan.ts';

/**
 * What a run is mainly about: faults of one sort meet more often than if each run had a little of everything. `calm` and `clean`: no faults at all;
 * clean ones are short, and never drawn unasked.
 */
export type Style = 'clean' | 'calm' | 'mixed' | 'zombies' | 'kills' | 'outages' | 'handovers' | 'dead letters';

/** Draws a run from its seed. A quarter of the runs has no faults. */
export function drawPlan(seed: number, style: Style | null = null): Plan {
  const dice = createDice(seed, 'plan');
  const drawn = style ?? dice.weighted({ 'calm': 25, 'mixed': 30, 'zombies': 12, 'kills': 10, 'outages': 10, 'handovers': 8, 'dead letters': 5 });
  const settings = drawn === 'clean' ? { ...drawSettings(dice), troubleMs: dice.between(1, 4) * 1000 } : drawSettings(dice);
  const kinds = drawKinds(dice, drawn);
  const workers: WorkerPlan[] = Array.from({ length: dice.between(1, 3) }, (_, at) => ({
    id: `w${at + 1}`, atMs: at === 0 || dice.hit(0.6) ? dice.between(0, 50) : dice.between(0, settings.troubleMs / 2), version: dice.hit(0.7) ? 'new' : 'old',
  }));
  // Of a stream of its own, so that the rest of a seed's run is drawn as before.
  const overBytes = createDice(seed, 'disk').pick([null, null, 0, 3000]);
  return {
    seed, settings: overBytes === null ? settings : { ...settings, spillOverBytes: overBytes }, kinds, workers,
    jobs: drawJobs(dice, kinds, settings, drawn),
    poison: drawPoison(dice, kinds, settings),
    faults: drawn === 'calm' || drawn === 'clean' ? [] : drawFaults(dice, kinds, settings, drawn),
    operator: drawOperator(dice, kinds, settings, drawn),
  };
}

function drawSettings(dice: Dice): Settings {
  return {
    partitions: dice.pick([1, 2, 2, 3]),
    troubleMs: dice.between(4, 16) * 1000,
    latencyMs: dice.pick([1, 2, 5, 15]),
    gapShare: dice.hit(0.3) ? 0.2 : 0,
    concurrency: dice.pick([2, 5, 20, 100]),
    flushIntervalMs: dice.pick([50, 100, 100, 300]),
    sessionTimeoutMs: dice.pick([2000, 3000, 5000]),
    drainTimeoutMs: dice.pick([500, 2000, 4000]),
    abortGraceMs: dice.pick([100, 500]),
    frontierPatienceMs: dice.pick([150, 500, 1000]),
    intakeJobs: dice.pick([6, 40, 16_384]),
    maxBytesPerPartition: dice.pick([300, 2000, 512 * 1024]),
    compactionLagMs: dice.pick([8000, 12_000]),
  };
}

function drawKinds(dice: Dice, style: Style): KindPlan[] {
  const queues = dice.hit(0.3) ? ['q1', 'q2'] : ['q1'];
  const kinds: KindPlan[] = [];
  for (const queue of queues) {
    const groups = dice.between(1, 3);
    for (let group = 0; group < groups; group++) {
      const order = dice.weighted({ strict: 7, relaxed: 2, none: 1 });
      const delivery = dice.hit(0.12) ? 'at-most-once' : 'at-least-once';
      const rules = {
        queue, group: `${queue}g${group}`, order, delivery,
        whenBuried: order === 'strict' && delivery === 'at-least-once' && dice.hit(style === 'dead letters' ? 0.6 : 0.35) ? 'hold' : 'continue',
        attempts: delivery === 'at-most-once' ? 1 : dice.pick([1, 2, 3, 5]),
        backoff: { firstMs: dice.pick([20, 100, 400]), factor: dice.pick([1, 2]), maxMs: dice.pick([400, 3000]) },
      } as const;
      const members = dice.hit(0.3) ? 2 : 1;
      for (let member = 0; member < members; member++) {
        kinds.push({
          ...rules,
          kind: `${rules.group}.k${member}`,
          timeoutMs: dice.pick([400, 1500, 60_000]),
          batch: delivery === 'at-least-once' && dice.hit(0.2) ? { maxSize: dice.between(2, 6), maxWaitMs: dice.pick([20, 200]) } : null,
          isNew: dice.hit(0.15),
        });
      }
    }
  }
  return kinds;
}

function drawJobs(dice: Dice, kinds: readonly KindPlan[], { troubleMs }: Settings, style: Style): JobPlan[] {
  const jobs: JobPlan[] = [];
  const count = dice.pick(style === 'clean' ? [3, 8, 15, 25] : [10, 30, 30, 60, 60, 120]);
  const entities = dice.pick([1, 4, 10, 30]);
  const [failing, doubled, scheduled, newer] = [style === 'dead letters' ? 0.5 : dice.pick([0, 0.1, 0.4]), dice.pick([0, 0, 0.05, 0.3]), dice.pick([0, 0, 0.1, 0.3]), dice.pick([0, 0, 0.1])];
  const backlog = dice.hit(0.4) ? dice.next() : 0;
  for (let serial = 1; serial <= count; serial++) {
    const kind = dice.pick(kinds);
    // Zipf: the k-th entity gets 1/k of what the first gets.
    const entity = kind.order === 'none' && dice.hit(0.5) ? null : `${kind.group}e${Math.floor(entities ** dice.next())}`;
    const twin = dice.hit(doubled) ? jobs.findLast((one) => kinds.find(({ kind: name }) => name === one.kind)?.queue === kind.queue) : undefined;
    jobs.push({
      serial, kind: kind.kind, entity,
      atMs: dice.hit(backlog) ? 0 : dice.between(0, troubleMs),
      delayMs: dice.hit(scheduled) ? dice.between(1, 6000) : 0,
      id: twin === undefined ? null : (twin.id ?? `job-${twin.serial}`),
      newerSchema: dice.hit(newer),
      fates: drawFates(dice, kind, failing),
    });
  }
  return jobs.sort((a, b) => a.atMs - b.atMs || a.serial - b.serial);
}

function drawFates(dice: Dice, kind: KindPlan, failing: number): Fate[] {
  const fates: Fate[] = [];
  const fate = (says: Fate['says']): Fate => ({ says, workMs: drawWorkMs(dice), waitMs: dice.pick([1, 200, 2000]) });
  while (fates.length < kind.attempts + 2 && dice.hit(fates.length === 0 ? failing : 0.6)) {
    fates.push(fate(dice.weighted({ 'retry': 6, 'throw': 4, 'snooze': 2, 'retry-after': 2, 'dead': 1.5, 'permanent': 1, 'bad-answer': 0.5, 'hang': kind.timeoutMs < 10_000 ? 1 : 0, 'deaf': kind.timeoutMs < 10_000 ? 0.7 : 0 })));
  }
  return [...fates, fate('done')];
}

function drawWorkMs(dice: Dice): number {
  return dice.weighted({ none: 2, short: 6, long: 1, 'very long': 0.2 }) === 'none' ? 0 : dice.hit(0.85) ? dice.between(1, 80) : dice.hit(0.85) ? dice.between(100, 900) : dice.between(1000, 4000);
}

function drawPoison(dice: Dice, kinds: readonly KindPlan[], { troubleMs }: Settings): PoisonPlan[] {
  return Array.from({ length: dice.hit(0.3) ? dice.between(1, 4) : 0 }, () => {
    const kind = dice.pick(kinds);
    const flaw = dice.pick(['null', 'empty', 'magic', 'truncated', 'unknown-schema', 'text'] as const);
    // Without a kind in its headers, what names a schema has that schema's name for its kind: not poison, but of unknown kind.
    const said = dice.hit(0.7) || flaw === 'truncated' || flaw === 'unknown-schema' ? kind.kind : null;
    return { atMs: dice.between(0, troubleMs), queue: kind.queue, kind: said, entity: `${kind.group}e1`, flaw };
  });
}

function drawOperator(dice: Dice, kinds: readonly KindPlan[], { troubleMs }: Settings, style: Style): OperatorPlan[] {
  const holds = kinds.some(({ whenBuried }) => whenBuried === 'hold');
  const isAbout = style === 'dead letters';
  return Array.from({ length: isAbout || dice.hit(holds ? 0.8 : 0.2) ? dice.between(1, isAbout ? 5 : 3) : 0 }, () => ({
    atMs: dice.between(0, troubleMs), queue: dice.pick(kinds).queue, command: dice.weighted({ redrive: 3, discard: 1 }), share: dice.pick([0.5, 1]),
  }));
}

const streams: readonly StreamName[] = ['main', 'retry', 'retry', 'retry', 'dlq', 'events', 'events'];

const weights = { kill: 0, freeze: 0, disconnect: 0, expel: 0, stop: 0, join: 0, deploy: 0, compact: 0, expire: 0, 'skip-offsets': 0, jump: 0, registry: 0, produce: 0, commit: 0, fetch: 0, leader: 0 } as const;
type Weights = Readonly<Record<FaultPlan['type'], number>>;

const byStyle: Readonly<Record<Style, Weights>> = {
  'clean': weights,
  'calm': weights,
  'mixed': { kill: 5, freeze: 4, disconnect: 3, expel: 2, stop: 3, join: 3, deploy: 1, compact: 2, expire: 1, 'skip-offsets': 1, jump: 2, registry: 2, produce: 9, commit: 3, fetch: 2, leader: 2 },
  'zombies': { ...weights, freeze: 6, expel: 4, disconnect: 1, join: 1, produce: 5, commit: 1, compact: 1 },
  'kills': { ...weights, kill: 8, join: 2, produce: 2, commit: 4, compact: 2, stop: 1 },
  'outages': { ...weights, registry: 2, produce: 6, commit: 3, fetch: 3, leader: 3, jump: 1, kill: 1 },
  'handovers': { ...weights, stop: 4, join: 4, deploy: 3, expire: 1, 'skip-offsets': 1 },
  'dead letters': { ...weights, kill: 3, stop: 1, produce: 3, freeze: 1 },
};

function drawFaults(dice: Dice, kinds: readonly KindPlan[], settings: Settings, style: Style): FaultPlan[] {
  const count = dice.weighted({ one: 3, few: 4, many: 2 });
  const faults = Array.from({ length: count === 'one' ? 1 : count === 'few' ? dice.between(2, 4) : dice.between(5, 10) }, () => drawFault(dice, kinds, settings, byStyle[style]));
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function drawFault(dice: Dice, kinds: readonly KindPlan[], { troubleMs, partitions, sessionTimeoutMs }: Settings, types: Weights): FaultPlan {
  const atMs = dice.between(200, troubleMs);
  const nth = dice.between(0, 3);
  const forMs = dice.hit(0.7) ? dice.between(50, 1500) : dice.between(1500, 6000);
  const { queue } = dice.pick(kinds);
  const target = { stream: dice.pick(streams), queue, partition: dice.hit(0.6) ? null : dice.between(0, partitions - 1), share: dice.pick([0.2, 0.6, 1]) };
  const type = dice.weighted(types);
  switch (type) {
    case 'kill':
    case 'stop':
    case 'expel':
      return { type, atMs, forMs, nth };
    case 'freeze':
    case 'disconnect':
      return { type, atMs, forMs: dice.hit(0.6) ? sessionTimeoutMs + dice.between(100, 4000) : dice.between(50, sessionTimeoutMs / 2), nth };
    case 'join':
    case 'deploy':
    case 'compact':
    case 'expire':
    case 'skip-offsets':
      return { type, atMs, forMs };
    case 'jump':
      return { type, atMs, forMs, nth, byMs: dice.pick([-3_600_000, 3_600_000, -700, 700]) };
    case 'registry':
      return { type, atMs, forMs, how: dice.pick(['down', 'slow', 'hanging']) };
    case 'produce':
      return { type, atMs, forMs, ...target, how: dice.pick(['refuse', 'lose', 'late', 'delay', 'double', 'hold', 'stall']) };
    case 'commit':
      return { type, atMs, forMs, share: target.share, how: dice.pick(['refuse', 'rebalancing', 'lose', 'hold', 'stall']) };
    case 'fetch':
      return { type, atMs, forMs, ...target, how: dice.pick(['hold', 'stall']) };
    case 'leader':
      return { type, atMs, forMs, partition: dice.between(0, partitions - 1) };
  }
}

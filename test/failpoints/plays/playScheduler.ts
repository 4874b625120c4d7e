import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { stepPayload } from '../../guarantees/process/stepJob.ts';
import type { Arming } from '../arming.ts';
import type { ArmedProcess, Program } from '../armedProcess.ts';
import type { Armed } from '../failpoint.ts';
import { helperOf, type Leg, type Tour } from '../leg.ts';
import { askScheduleApi, type DoorRun } from './askScheduleApi.ts';
import { judgeRuns, type ExpectedRuns } from './judgeRuns.ts';
import { askHealth } from './playStatus.ts';
import { removeMembers } from './removeMembers.ts';
import { scheduleRunsOf, type ScheduleRuns } from './scheduleRuns.ts';
import { serviceProgram } from './serviceProgram.ts';
import type { OverlapPolicy } from '../../../shared/schedules/schedule.ts';

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
/** Its ticks are far apart: it runs when it is told to. */
const RARE = { every: '365d' } as const;
const LATE_MS = 2200;
/** So much later a scheduler reads what it is told, on a busy machine. */
const HEEDED_MS = 1000;
/** Puts take so long on a busy machine. */
const LEAD_MS = 1000;
const DARK_MS = 4000;
const MOST_TRIES = 5;

/**
 * Schedulers die, one after the other, while schedules tick and are told things; each goes on from the topic where the dead left off. Each tick runs once, those too that nobody was there for; of a
 * policy that lets one run at a time no two do; a pause holds, and what was asked for by hand runs once.
 */
export async function playScheduler(leg: Leg, armed: readonly Armed[], trouble: Partial<Arming> = {}): Promise<void> {
  const { scene, tour } = leg;
  const made = await scheduleRunsOf(tour);
  const isCutOff = trouble.shakyNetwork === true || trouble.darkFrom !== undefined;
  for (const [round, one] of (armed.length === 0 ? [null] : armed).entries()) {
    const name = (what: string): string => `${leg.name}-${round}-${what}`;
    const door: DoorRun[] = [];
    const alwaysMs = ceilSecond(Date.now());
    await putTicking(made, name('always'), 'allow-all', alwaysMs, null);
    // Ticks before it was put are none.
    const sureMs = Math.max(alwaysMs, Date.now() + 1);
    const startedMs = performance.now();
    const victim = leg.spawn(programOf(tour, made), one, trouble);
    await scene.until(`${victim.name} to serve or be gone`, () => (victim.ready && isActive(victim)) || !victim.alive || (isCutOff && performance.now() - startedMs > DARK_MS));
    const windows = await giveWishes(made, name);
    const asked = victim.address === null ? Promise.resolve() : Promise.all([askScheduleApi(victim.address, name('door'), made.job, door), askHealth(victim)]);
    if (trouble.darkFrom !== undefined) await new Promise((resolve) => { setTimeout(resolve, DARK_MS); });
    const isPlayed = (): boolean => windows.slow.every(({ schedule, must }) => must.length === 0 || made.runs.some((run) => run.schedule === schedule && run.tickMs === must.at(-1) && run.endMs !== null));
    if (!isCutOff) {
      let answered = false;
      void asked.finally(() => { answered = true; });
      await scene.until(`${victim.name} to have run all that it was to`, () => !victim.alive || (answered && isPlayed()));
    }
    if (victim.alive) victim.signal('SIGTERM');
    await leg.untilGone(victim, isCutOff);
    await asked;
    // A program that puts its schedules at each of its starts: the same again changes nothing, but that these end now.
    const endMs = floorSecond(Date.now()) + SECOND_MS;
    await putTicking(made, name('always'), 'allow-all', alwaysMs, endMs);
    await putTicking(made, name('paused'), 'allow-all', windows.pause.startMs, endMs);
    if (victim.diedItself || isCutOff) await removeMembers(tour.brokers, made.topic);
    made.judges.push(() => judgeRound(leg, made, name, [
      // One may have been decided on before it was told of its end.
      { schedule: name('always'), must: ticks(sureMs, endMs), may: (tick) => tick > endMs || tick < sureMs },
      ...windows.slow,
      // What ticked while the commands were on their way may be on either side of them.
      { schedule: name('paused'), must: ticks(windows.pause.resumedMs + 1, endMs), may: (tick) => tick <= windows.pause.pausedMs + HEEDED_MS || tick >= windows.pause.resumingMs },
      { schedule: name('removed'), must: [], may: (tick) => tick <= windows.removedMs + 2 * HEEDED_MS },
    ], windows, door));
  }
}

/** The last scheduler, which nothing happens to, finishes what all of them have left; then each round is judged. */
export async function judgeSchedules(tour: Tour): Promise<void> {
  const made = await scheduleRunsOf(tour);
  const last = helperOf(tour, 'last-scheduler', programOf(tour, made));
  await tour.scene.until('the last scheduler to run the schedules', () => isActive(last) || !last.alive);
  for (const judge of made.judges) tour.violations.push(...await judge());
  last.signal('SIGTERM');
  await last.ended;
  if (last.wrong !== null) tour.violations.push(last.wrong);
}

function programOf(tour: Tour, { topic }: ScheduleRuns): Program {
  return serviceProgram(tour, 'scheduler', null, { MILLRACE_SCHEDULES_TOPIC: topic });
}

interface Wishes {
  /** All that ticks was put before its first tick. */
  readonly inTime: boolean;
  readonly removedMs: number;
  readonly slow: readonly ExpectedRuns[];
  readonly pause: { readonly startMs: number; readonly pausedMs: number; readonly resumingMs: number; readonly resumedMs: number };
  /** Ids of runs that somebody asked for, and how many of a backfill there are to be. */
  readonly handMade: { readonly jobId: string; readonly schedule: string; readonly backfilled: number };
}

/** All of it gets into Kafka, whoever is there to heed it. */
async function giveWishes(made: ScheduleRuns, name: (what: string) => string): Promise<Wishes> {
  const { schedules, job } = made;
  const startMs = ceilSecond(Date.now() + LEAD_MS);
  const endMs = startMs + 2 * SECOND_MS;
  await Promise.all((['skip', 'buffer-all', 'cancel-other'] as const).map((policy) => putTicking(made, name(`slow-${policy}`), policy, startMs, endMs)));
  const inTime = Date.now() < startMs;
  await putTicking(made, name('paused'), 'allow-all', startMs, null);
  await schedules.pause(name('paused'), 'for a while');
  const pausedMs = Date.now();
  await persist(() => schedules.put({ name: name('rare'), ...RARE, overlap: 'buffer-all', job, payload: stepPayload(name('rare'), 1) }));
  const [{ jobId }, { ticks: backfilled }] = [await schedules.runNow(name('rare')), await schedules.backfill(name('rare'), { from: new Date(pausedMs - 900 * DAY_MS), to: new Date(pausedMs) })];
  await putTicking(made, name('removed'), 'allow-all', endMs + 5 * SECOND_MS, null);
  await schedules.remove(name('removed'));
  const removedMs = Date.now();
  await new Promise((resolve) => { setTimeout(resolve, LATE_MS); });
  const resumingMs = Date.now();
  await schedules.resume(name('paused'));
  const all = ticks(startMs, endMs);
  return {
    inTime, removedMs,
    slow: [
      { schedule: name('slow-skip'), must: inTime ? all.slice(0, 1) : [], may: (tick) => all.includes(tick), oneByOne: true },
      { schedule: name('slow-buffer-all'), must: inTime ? all : all.slice(-1), may: (tick) => all.includes(tick), oneByOne: true },
      // The last one takes the place of what waited.
      { schedule: name('slow-cancel-other'), must: all.slice(-1), may: (tick) => all.includes(tick), oneByOne: true },
    ],
    pause: { startMs, pausedMs, resumingMs, resumedMs: Date.now() },
    handMade: { jobId, schedule: name('rare'), backfilled },
  };
}

async function judgeRound(leg: Leg, { runs, schedules }: ScheduleRuns, name: (what: string) => string, expected: readonly ExpectedRuns[], { handMade, inTime }: Wishes, door: readonly DoorRun[]): Promise<string[]> {
  const { scene } = leg;
  const isOver = (id: string): boolean => runs.some((run) => run.id === id && run.endMs !== null);
  const ofRare = (): number => runs.filter(({ schedule, endMs }) => schedule === handMade.schedule && endMs !== null).length;
  const missing = (): string[] => [
    ...judgeRuns(expected, runs).filter((text) => text.includes('did not run')),
    ...[handMade.jobId, ...door.map(({ jobId }) => jobId)].filter((id) => !isOver(id)).map((id) => `${id} was asked for and did not run`),
    ...(ofRare() < handMade.backfilled + 1 ? [`${handMade.schedule} ran ${ofRare()} times of ${handMade.backfilled + 1}`] : []),
  ];
  // What is still missing then is told as what it is.
  await scene.until('the schedules to have run', () => missing().length === 0).catch(() => undefined);
  const [skip, calm] = await Promise.all([schedules.get(name('slow-skip')), scene.until('the runs to have ended', () => runs.every(({ endMs }) => endMs !== null))]);
  void calm;
  const { ticked = 0, skipped = 0, missed = 0, pausedOver = 0 } = skip?.counts ?? {};
  return [
    ...missing(),
    ...judgeRuns(expected, runs).filter((text) => !text.includes('did not run')),
    ...[...Map.groupBy(runs, ({ id }) => id)].filter(([id, same]) => same.length > 1 && id.includes(`${leg.name}-`)).map(([id, same]) => `${id} ran ${same.length} times`),
    ...(ofRare() > handMade.backfilled + 1 ? [`${handMade.schedule} ran ${ofRare()} times of ${handMade.backfilled + 1}`] : []),
    ...(!inTime || ticked + skipped + missed + pausedOver === 3 ? [] : [`slow-skip counts ${JSON.stringify(skip?.counts)} of 3 ticks`]),
  ].map((violation) => `${leg.name}: schedules: ${violation}`);
}

function putTicking({ schedules, job }: ScheduleRuns, name: string, overlap: OverlapPolicy, startMs: number, endMs: number | null): Promise<void> {
  return persist(() => schedules.put({ name, every: '1s', overlap, startAt: new Date(startMs), ...(endMs === null ? {} : { endAt: new Date(endMs) }), job, payload: stepPayload(name, 1) }));
}

/** What may be done twice is tried again where the registry or Kafka has no answer in time: the machine is busy, and nobody is judged by it. */
async function persist(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isMillraceError(error) || !error.retriable || tries === MOST_TRIES) throw error;
    }
  }
}

function isActive(process: ArmedProcess): boolean {
  return process.lines.some((line) => line.includes('this scheduler is active"'));
}

/** Each full second from one time on to another, both included. */
function ticks(fromMs: number, toMs: number): number[] {
  const all: number[] = [];
  for (let tick = ceilSecond(fromMs); tick <= toMs; tick += SECOND_MS) all.push(tick);
  return all;
}

function ceilSecond(ms: number): number {
  return Math.ceil(ms / SECOND_MS) * SECOND_MS;
}

function floorSecond(ms: number): number {
  return Math.floor(ms / SECOND_MS) * SECOND_MS;
}

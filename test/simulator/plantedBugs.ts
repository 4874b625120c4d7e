import { mutations } from '../unit/engine/world/mutations.ts';
import type { Style } from './drawPlan.ts';

/** An edit of a source file under `shared/`, applied while it is loaded; `find` must occur exactly once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A mistake that somebody made, or could make: planted into a copy of the code, for this test alone. */
export interface PlantedBug {
  /** What goes wrong, and who had it. */
  readonly is: string;
  readonly edits: readonly Edit[];
  /** Runs of this style are searched. */
  readonly style: Style;
  /** It must be told by one of these names. */
  readonly anomalies: readonly string[];
  /** So many seeds must be enough. */
  readonly seeds: number;
  /** Changes the drawn settings instead of the code. */
  readonly compactionLagMs?: number;
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });
/** A rule left out as the engine's own simulated world leaves it out. */
const rule = (name: string): Pick<PlantedBug, 'is' | 'edits'> => {
  const mutation = mutations[name];
  if (mutation === undefined) throw new Error(`the engine's world knows no mutation ${name}`);
  return { is: mutation.leavesOut, edits: mutation.edits.map(({ file, find, replace }) => edit(`engine/${file}`, find, replace)) };
};

const QUICK = 150;
const OFTEN = 1000;
const SELDOM = 6000;

export const plantedBugs: Readonly<Record<string, PlantedBug>> = {
  // ---- the ten rules of the protocol, left out ----
  'rule 1': { ...rule('ack-settles'), style: 'zombies', anomalies: ['settled stays settled', 'nothing lost', 'key order', 'live, and no progress', 'broken invariant', 'commits stay behind what is settled', 'internal error', 'bounded repeats'], seeds: OFTEN },
  'rule 2': { ...rule('no-confirm'), style: 'zombies', anomalies: ['settled stays settled', 'key order', 'rising fence', 'no overlap', 'zombie starts nothing', 'bounded repeats', 'live, and no progress'], seeds: OFTEN },
  'rule 3': { ...rule('epoch-of-now'), style: 'mixed', anomalies: ['settled stays settled', 'nothing lost', 'bounded repeats', 'key order', 'live, and no progress'], seeds: OFTEN },
  'rule 4': { ...rule('no-fence'), style: 'zombies', anomalies: ['settled stays settled', 'nothing lost', 'key order', 'bounded repeats', 'broken invariant', 'live, and no progress', 'internal error', 'attempts bounded', 'commits stay behind what is settled'], seeds: SELDOM },
  'rule 5': { ...rule('no-reread'), style: 'kills', anomalies: ['settled stays settled', 'key order', 'bounded repeats', 'no overlap'], seeds: OFTEN },
  'rule 6': { ...rule('forget-tombstones'), style: 'kills', anomalies: ['settled stays settled', 'bounded repeats', 'key order', 'attempts bounded'], seeds: OFTEN },
  'rule 7': { ...rule('void-as-tombstone'), style: 'zombies', anomalies: ['settled stays settled', 'nothing lost'], seeds: SELDOM },
  'rule 8': { ...rule('drop-bits'), style: 'kills', anomalies: ['settled stays settled', 'bounded repeats', 'key order'], seeds: OFTEN },
  'rule 9': { ...rule('tombstone-first'), style: 'kills', anomalies: ['settled stays settled', 'key order', 'bounded repeats'], seeds: SELDOM },
  'rule 9, second half': { ...rule('commit-first'), style: 'kills', anomalies: ['settled stays settled', 'key order', 'bounded repeats'], seeds: OFTEN },
  'rule 10': {
    is: 'rule 10: compaction does not wait', edits: [edit('../test/simulator/ledger.ts', 'return owned.size === partitions * this.waited.size;', 'return true;')],
    compactionLagMs: 0, style: 'mixed', anomalies: ['settled stays settled', 'nothing lost', 'key order', 'bounded repeats', 'live, and no progress', 'attempts bounded'], seeds: SELDOM,
  },
  'doubled writes count': { ...rule('stale-counts'), style: 'outages', anomalies: ['settled stays settled', 'nothing lost', 'key order', 'bounded repeats', 'attempts bounded', 'no early retry', 'live, and no progress', 'broken invariant'], seeds: OFTEN },

  // ---- commits ----
  'commit at the highest offset seen': {
    is: 'commits where it has read to, past what still runs (Parallel Consumer\'s offsetHighestSeen, kafka consumers that auto-commit)',
    edits: [edit('engine/partition.ts', 'const offset = this.frontier.offset;', 'const offset = this.frontier.position;')],
    style: 'calm', anomalies: ['commits stay behind what is settled'], seeds: QUICK,
  },
  'commit of another partition\'s progress': {
    is: 'the settled bits are shifted by one: what is settled is said of its neighbour',
    edits: [edit('engine/commitMetadata.ts', 'const at = offset - base;', 'const at = offset - base + 1;')],
    style: 'calm', anomalies: ['commits stay behind what is settled'], seeds: QUICK,
  },
  'holes inferred from consecutive offsets': {
    is: 'the next offset is taken to be the last one plus one, so a gap stands for ever (faust#606, wolverine#3161)',
    edits: [edit('engine/intake.ts', 'if (batch.nextOffset > partition.frontier.position) {', 'if (batch.nextOffset > partition.frontier.position && batch.records.length < 0) {')],
    style: 'calm', anomalies: ['live, and no progress'], seeds: QUICK,
  },
  'a refused commit is not tried again': {
    is: 'a commit refused while the group rebalances ends committing (Parallel Consumer#857)',
    edits: [edit('engine/flush.ts', '  partition.commitUnderWay = null;\n  partition.commitDue = true;', '')],
    style: 'outages', anomalies: ['live, and no progress', 'bounded repeats'], seeds: QUICK,
  },
  'the group takes commits of anybody': {
    is: 'a commit is fenced by the group\'s generation alone, not by who owns the partition (PostHog#57142; Spring Kafka#3186)',
    edits: [edit('kafka/memory/group.ts', 'if (member === undefined || ownerships.some((one) => !member.owned.has(one))) throw', 'if (ownerships.length < 0) throw'), edit('kafka/memory/group.ts', "if (phase === 'completing' || committedIn !== generation) throw", 'if (committedIn < 0) throw')],
    style: 'zombies', anomalies: ['commit fell', 'zombie starts nothing', 'key order', 'nothing lost', 'bounded repeats', 'live, and no progress', 'commits stay behind what is settled'], seeds: OFTEN,
  },

  // ---- retry and DLQ ----
  'a refused retry counts as written': {
    is: 'a failed produce completes the job (Decaton\'s completeWith)',
    edits: [edit('worker/publisher.ts', "publishFailed(partition, publication.stream, isMillraceError(error) ? error.code : 'UNKNOWN', clock.now());", 'published(this.#engine, partition, publication.stream, clock.now());')],
    style: 'outages', anomalies: ['nothing lost', 'live, and no progress', 'commits stay behind what is settled', 'poison is buried'], seeds: QUICK,
  },
  'the DLQ is not waited for': {
    is: 'a job is called buried when its DLQ record is sent, not when it is acked (Spring Kafka#1542)',
    edits: [edit('worker/publisher.ts', "        return { topic: topics.dlq,", "        queueMicrotask(() => { published(this.#engine, partition, 'dlq', 0); });\n        return { topic: topics.dlq,")],
    style: 'outages', anomalies: ['nothing lost', 'poison is buried', 'internal error', 'commits stay behind what is settled'], seeds: OFTEN,
  },
  'given up after the last attempt': {
    is: 'the last attempt\'s failure is dropped instead of buried (Greyhound)',
    edits: [edit('engine/finish.ts', "    case 'bury':\n      bury(partition, job, route.reason, job.failure, now);\n      return;", "    case 'bury':\n      leaveLane(partition, job);\n      partition.tell('done', job, now, 'settle');\n      return;")],
    style: 'calm', anomalies: ['nothing lost', 'poison is buried'], seeds: QUICK,
  },
  'the dead letter is written anew': {
    is: 'the buried copy is not the bytes that came (re-serialised on its way)',
    edits: [edit('worker/writeRecords.ts', 'return buriedRecord(carried(topic, partition, job), {', 'return buriedRecord({ ...carried(topic, partition, job), value: job.value === null ? null : Buffer.concat([job.value, Buffer.from([0])]) }, {')],
    style: 'calm', anomalies: ['DLQ fidelity'], seeds: QUICK,
  },
  'the dead letter loses its entity': {
    is: 'the buried copy does not tell the key of its origin',
    edits: [edit('kafka/envelope/buriedRecord.ts', 'if (job.key !== null) headers[headerNames.partitionKey] = job.key;', '')],
    style: 'calm', anomalies: ['DLQ fidelity'], seeds: QUICK,
  },
  'attempts miscounted in the dead letter': {
    is: 'the last attempt is not counted in the DLQ record',
    edits: [edit('worker/writeRecords.ts', '{ attempt: job.attempt, reason,', '{ attempt: job.attempt - 1, reason,')],
    style: 'calm', anomalies: ['DLQ fidelity'], seeds: QUICK,
  },
  'an outage is poison': {
    is: 'a registry that does not answer makes records undecodable (platformatic/kafka offered only fail or skip)',
    edits: [edit('avro/schemaCache.ts', 'if (!isMillraceError(error) || error.retriable) throw error;', 'if (!isMillraceError(error)) throw error;')],
    style: 'outages', anomalies: ['DLQ fidelity', 'nothing lost'], seeds: OFTEN,
  },
  'permanent errors are retried': {
    is: 'an error that no repetition heals is tried again and again (Apicurio\'s endless loop)',
    edits: [edit('jobs/classifyError.ts', 'matchesError(policy.buryOn, error) || isPermanent(error)', 'matchesError(policy.buryOn, error)')],
    style: 'calm', anomalies: ['attempts bounded', 'nothing lost', 'DLQ fidelity'], seeds: QUICK,
  },

  // ---- order ----
  'retries step aside': {
    is: 'a failed job leaves its lane while it waits, and its successors overtake it (Uber\'s retry topics, Decaton\'s retry queue)',
    edits: [edit('engine/finish.ts', "if (job.policy !== null && job.policy.order !== 'strict') {", 'if (job.policy !== null) {')],
    style: 'calm', anomalies: ['key order'], seeds: QUICK,
  },
  'each job a lane': {
    is: 'jobs of one entity are spread over lanes, as a pool of consumers would (NATS, Sidekiq)',
    edits: [edit('engine/partition.ts', '      this.lanes.set(key, lane);', '')],
    style: 'calm', anomalies: ['key order', 'no overlap'], seeds: QUICK,
  },
  'a held lane opens': {
    is: 'the successors of a buried job run although its kind says hold',
    edits: [edit('engine/finish.ts', "const holds = job.policy?.whenBuried === 'hold' &&", "const holds = job.policy?.whenBuried !== 'hold' &&")],
    style: 'dead letters', anomalies: ['held lane stays closed', 'commits stay behind what is settled', 'live, and no progress', 'nothing lost', 'key order'], seeds: QUICK,
  },
  'redriven to the end of the lane': {
    is: 'a redriven job runs after all that came later (Oban ran outdated state out of order)',
    edits: [edit('engine/commands.ts', "    job.reason = 'behind';\n    putWait(partition, job);", "    job.reason = 'behind';\n    if (job.lane.tail !== job) { const { lane } = job; lane.remove(job); job.place = 1e9; lane.insert(job); }\n    putWait(partition, job);")],
    style: 'dead letters', anomalies: ['key order', 'held lane stays closed'], seeds: OFTEN,
  },
  'a batch with two jobs of an entity': {
    is: 'batches are filled without a look at lanes',
    edits: [edit('engine/startQueue.ts', '    gathering.jobs.push(job);\n', '    gathering.jobs.push(job);\n    lane.busy = null; lane.remove(job); if (lane.head !== null && !lane.ready) this.push(lane);\n'), edit('engine/startQueue.ts', 'return this.#gather(job, job.policy.batch, now);', 'return this.#gather(job, job.policy.batch, now, lane);'), edit('engine/startQueue.ts', 'readonly maxWaitMs: number }, now: number): Start | null {', 'readonly maxWaitMs: number }, now: number, lane: Lane): Start | null {')],
    style: 'calm', anomalies: ['no overlap', 'key order'], seeds: QUICK,
  },
  'the client overtakes itself': {
    is: 'a batch that failed goes behind what was sent meanwhile',
    edits: [edit('client/sendInOrder.ts', 'await sleep(clock, waitMs);', '{ queue.push(...left); left = []; }')],
    style: 'outages', anomalies: ['enqueue order'], seeds: OFTEN,
  },

  // ---- owners and zombies ----
  'lost partitions go on': {
    is: 'who lost a partition goes on with it (Bull\'s stalled worker, hexpm\'s long jobs)',
    edits: [edit('worker/queueRunner.ts', '      this.engine.lost(partition);\n      this.#drains.drained(partition);', '      this.#drains.drained(partition);')],
    style: 'zombies', anomalies: ['zombie starts nothing', 'live, and no progress', 'key order'], seeds: OFTEN,
  },
  'attempts outlive the lease': {
    is: 'the attempts of a lost partition are not told to stop',
    edits: [edit('worker/queueRunner.ts', "this.#attempts.abortWhere((job) => job.lane.partition.reign === effect.reign,", "this.#attempts.abortWhere((job) => job.lane.partition.reign === -effect.reign,")],
    style: 'zombies', anomalies: ['zombie starts nothing', 'no overlap'], seeds: OFTEN,
  },
  'a stale unassign': {
    is: 'an unassign is carried out late, and strikes the partition\'s next assignment (PostHog#56097)',
    edits: [edit('worker/drains.ts', '    for (const number of owned) engine.lost(number);', '    clock.after(400, () => { for (const number of owned) engine.lost(number); ended(); });')],
    style: 'handovers', anomalies: ['live, and no progress', 'bounded repeats', 'no overlap', 'stop hangs', 'rising fence'], seeds: OFTEN,
  },
  'drained before it is durable': {
    is: 'a partition is handed over when its attempts have ended, before what they said is stored (PostHog#35269: 997 of 1,024 ran twice)',
    edits: [edit('engine/partition.ts', "    return (\n      this.claims === 0 && this.events.pending === 0 &&", "    return (\n      this.claims === 0 || this.events.pending === 0 &&")],
    style: 'handovers', anomalies: ['bounded repeats'], seeds: OFTEN,
  },
  'a handover does not drain': {
    is: 'partitions are given away with attempts in flight',
    edits: [edit('engine/partition.ts', '    if (this.running > 0) return false;', ''), edit('engine/partition.ts', "      this.claims === 0 && this.events.pending === 0 &&", '      true ||')],
    style: 'handovers', anomalies: ['bounded repeats', 'no overlap', 'zombie starts nothing'], seeds: QUICK,
  },
  'rescued while alive': {
    is: 'a worker is taken for dead after half its session (Oban\'s Lifeline is purely time-based)',
    edits: [edit('kafka/memory/group.ts', 'world.clock.after(member.client.sessionTimeoutMs,', 'world.clock.after(member.client.sessionTimeoutMs / 8,')],
    style: 'zombies', anomalies: ['lost without a fault', 'bounded repeats', 'zombie starts nothing'], seeds: OFTEN,
  },
  'orphans': {
    is: 'the jobs of a dead worker are never rescued (River: 5,133 stuck, the oldest for 91 days)',
    edits: [edit('kafka/memory/group.ts', 'world.clock.after(member.client.sessionTimeoutMs,', 'world.clock.after(1e9,')],
    style: 'kills', anomalies: ['live, and no progress', 'rescued in time'], seeds: QUICK,
  },
  'a late rescue': {
    is: 'a dead worker is noticed a minute late (Sidekiq checks once an hour)',
    edits: [edit('kafka/memory/group.ts', 'world.clock.after(member.client.sessionTimeoutMs,', 'world.clock.after(member.client.sessionTimeoutMs + 8000,')],
    style: 'kills', anomalies: ['rescued in time'], seeds: SELDOM,
  },

  // ---- attempts and time ----
  'attempts forgotten by a rescue': {
    is: 'a rescued job begins with its first attempt again',
    edits: [edit('engine/restore.ts', '  job.attempt = record.attempt;', '')],
    style: 'kills', anomalies: ['bounded repeats', 'attempts bounded'], seeds: QUICK,
  },
  'snoozes count': {
    is: 'a snooze uses up an attempt',
    edits: [edit('engine/route.ts', "reason: outcome.reason ?? 'snoozed', usesAttempt: false", "reason: 'snoozed', usesAttempt: true")],
    style: 'calm', anomalies: ['attempts bounded', 'DLQ fidelity', 'nothing lost'], seeds: QUICK,
  },
  'one attempt too many': {
    is: 'the bound of attempts is off by one',
    edits: [edit('engine/route.ts', 'if (attempt >= policy.attempts ||', 'if (attempt > policy.attempts ||')],
    style: 'calm', anomalies: ['attempts bounded', 'nothing lost', 'DLQ fidelity'], seeds: QUICK,
  },
  'retried too early': {
    is: 'the wait is half of what the policy says',
    edits: [edit('engine/route.ts', 'return now + Math.ceil(Math.min(waitMs, LONGEST_WAIT_MS));', 'return now + Math.ceil(Math.min(waitMs, LONGEST_WAIT_MS) / 2);')],
    style: 'calm', anomalies: ['no early retry'], seeds: QUICK,
  },
  'retried too late': {
    is: 'a retry waits for the next full ten seconds (Spring Kafka#1716: 1 s became 10)',
    edits: [edit('engine/route.ts', 'return now + Math.ceil(Math.min(waitMs, LONGEST_WAIT_MS));', 'return Math.ceil((now + Math.min(waitMs, LONGEST_WAIT_MS)) / 10_000) * 10_000;')],
    style: 'calm', anomalies: ['no late retry', 'live, and no progress'], seeds: OFTEN,
  },
  'scheduled jobs start at once': {
    is: 'the time before which a job must not start is not looked at (Karafka#3250 dispatched for a future timestamp)',
    edits: [edit('engine/intake.ts', 'if (job.notBeforeMs > now) {', 'if (job.notBeforeMs > now + 1e9) {')],
    style: 'calm', anomalies: ['no early start'], seeds: QUICK,
  },
  'time jumps with the wall clock': {
    is: 'ours: due times follow a wall clock that jumped an hour',
    edits: [edit('runtime/steadyClock.ts', 'const FOLLOWED_MS = 250;', 'const FOLLOWED_MS = 1e9;')],
    style: 'mixed', anomalies: ['no early retry', 'live, and no progress', 'no early start'], seeds: OFTEN,
  },
  'started before it is claimed': {
    is: 'an at-most-once job starts before the commit that lets nobody else run it',
    edits: [edit('engine/startQueue.ts', 'if (isUnclaimed) {', 'if (isUnclaimed && now < 0) {')],
    style: 'kills', anomalies: ['at most once'], seeds: OFTEN,
  },

  // ---- progress ----
  'paused and never resumed': {
    is: 'fetching that back-pressure paused does not go on (backbeat: 188 of 199 messages stranded; kafkaflow#581)',
    edits: [edit('engine/mainStream.ts', "      partition.mainPaused = false;\n      partition.host.effect({ type: 'resume', stream: 'main', partition: partition.number, offset: lastFetched(partition) });", ''), edit('engine/engineOptions.ts', 'backlogRecords: 8192,', 'backlogRecords: 8,')],
    style: 'calm', anomalies: ['live, and no progress'], seeds: QUICK,
  },
  'resumed one too far': {
    is: 'a second seek overwrites the first, and a record is skipped (Spring Kafka#4504)',
    edits: [edit('kafka/memory/fetcher.ts', '    position = nextOffset;\n', '    position = records.length > 3 ? nextOffset + 1 : nextOffset;\n')],
    style: 'calm', anomalies: ['live, and no progress', 'nothing lost', 'commits stay behind what is settled', 'lost when accepted'], seeds: QUICK,
  },
  'accepted before Kafka has it': {
    is: 'the client says yes when the record is on its way (NATS lost acked writes)',
    edits: [edit('client/sendInOrder.ts', '        const { baseOffset } = await producer.send(', '        left.forEach((pending, i) => { pending.acked(i); });\n        const { baseOffset } = await producer.send(')],
    style: 'outages', anomalies: ['lost when accepted'], seeds: QUICK,
  },
  'a claimed job overtaken': {
    is: 'ours: what was redriven into the lane of a claimed at-most-once job kept a stop from running it',
    edits: [edit('engine/settle.ts', 'if (lane.head !== null && lane.head !== job && job.inLane) {', 'if (lane.head !== null && lane.head !== job && job.inLane && job.offset < 0) {')],
    style: 'dead letters', anomalies: ['bounded loss', 'poison is buried', 'live, and no progress', 'stopped in time'], seeds: SELDOM,
  },
  'claims without bound': {
    is: 'ours: all at-most-once jobs in memory were claimed at once: a kill lost them all, and a stop had to run them all',
    edits: [edit('engine/startQueue.ts', 'return this.#claims() < this.#concurrency;', 'return this.#claims() < Infinity;')],
    style: 'kills', anomalies: ['bounded loss', 'stopped in time'], seeds: SELDOM,
  },
  'claimed jobs begin in overtime': {
    is: 'ours: when the time for draining was over, claimed jobs were still begun, and nobody told them to stop',
    edits: [edit('engine/startQueue.ts', 'if (job.claimed && partition.overtime) {', 'if (job.claimed && partition.overtime && now < 0) {')],
    style: 'handovers', anomalies: ['bounded loss', 'stopped in time', 'poison is buried', 'zombie starts nothing'], seeds: SELDOM,
  },
  'a stop drains twice': {
    is: 'ours: a worker drained before it told the consumer that it stops; what it was given meanwhile it had to drain again',
    edits: [edit('worker/queueRunner.ts', '    await this.#consumer.close();\n', '    await this.#drains.drain([...this.engine.partitions.keys()]);\n    await this.#consumer.close();\n')],
    style: 'handovers', anomalies: ['stopped in time'], seeds: SELDOM,
  },
  'a lease war': {
    is: 'ours: an expelled worker that had not heard of it leased over the owner, which leased over it, and so on',
    edits: [edit('worker/renewReign.ts', '      await consumer.commit([{ partition: number, positions: [{ topic: topics.retry,', '      await Promise.resolve([{ partition: number, positions: [{ topic: topics.retry,')],
    style: 'zombies', anomalies: ['lease war'], seeds: QUICK,
  },
  'stopped during its start': {
    is: 'ours: a worker that was stopped while it started became a member of the group all the same',
    edits: [edit('worker/worker.ts', 'if (stopped !== null) throw', 'if (stopped === undefined) throw')],
    style: 'handovers', anomalies: ['live, and no progress'], seeds: OFTEN,
  },
  'what was read back is sent again': {
    is: 'ours: a group whose fate was unknown was sent again whole, for ever: a job of it had been settled meanwhile, and its body was gone from the disk',
    edits: [edit('engine/flush.ts', 'retry.filter(({ confirmed }) => !confirmed)', 'retry')],
    style: 'mixed', anomalies: ['live, and no progress'], seeds: SELDOM,
  },
  'a body let go before its attempt': {
    is: 'ours: a body that was read from the disk was let go by a publication before the attempt that had asked for it, which then ran without',
    edits: [edit('bodies/keptBodies.ts', '      else if (this.#openAll(jobs, begin, gone)) begin();', '      else {\n        for (const job of jobs) open(job);\n        begin();\n      }')],
    style: 'mixed', anomalies: ['nothing lost', 'DLQ fidelity', 'internal error'], seeds: SELDOM,
  },
  'redriven poison': {
    is: 'ours: a redriven record without a kind that can never run held its entity up for an hour',
    edits: [edit('worker/readRecords.ts', "    } catch (error) {\n      fault = faultOf(error, now);\n    }\n  }\n  const policy = context.policies.get(kind ?? '') ?? null;\n  return {\n    offset: job.origin.offset,", "    } catch (error) {\n      void error;\n    }\n  }\n  const policy = context.policies.get(kind ?? '') ?? null;\n  return {\n    offset: job.origin.offset,")],
    style: 'dead letters', anomalies: ['live, and no progress'], seeds: OFTEN,
  },
};

/** The source with the bug in it. @throws when it is not the source that the bug knows */
export function plant(name: string, file: string, source: string): string {
  let planted = source;
  for (const one of plantedBugs[name]?.edits ?? []) {
    if (one.file !== file) continue;
    if (planted.split(one.find).length !== 2) throw new Error(`planted bug "${name}": ${file} must hold exactly once: ${one.find}`);
    planted = planted.replace(one.find, () => one.replace);
  }
  return planted;
}

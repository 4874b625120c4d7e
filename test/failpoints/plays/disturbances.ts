import { setTimeout as sleep } from 'node:timers/promises';
import { leaseRecord } from '../../../shared/kafka/envelope.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { openRefusal } from '../../guarantees/refuseWrites.ts';
import { uniqueName } from '../../topicNames.ts';
import type { ArmedProcess } from '../armedProcess.ts';
import { JOBS, type Leg } from '../leg.ts';

/** Beyond the victims' session of 2 s. */
const SLEEP_MS = 3500;
const REFUSED_MS = 700;
/** Nothing of ours fits. */
const REFUSED_BYTES = 60;

/** The broker refuses all writes to waiting room and dead letters for a while; there is more work meanwhile. */
export async function refuseWrites(leg: Leg): Promise<void> {
  const { scene, brokers } = leg.tour;
  const refusals = await Promise.all((['retry', 'dlq'] as const).map((topic) => openRefusal(brokers, scene, topic, { 'max.message.bytes': String(REFUSED_BYTES) })));
  try {
    await Promise.all(refusals.map((refusal) => refusal.begin()));
    await leg.enqueue();
    await sleep(REFUSED_MS);
  } finally {
    for (const refusal of refusals) await refusal.end().finally(() => refusal.close());
  }
}

/** Jobs that were written with a schema that no worker has seen: it has a field more. */
export async function writeForeignSchema(leg: Leg): Promise<void> {
  const [known] = jobV1.versions as readonly { readonly type: unknown; readonly fields: readonly object[] }[];
  if (known === undefined) throw new Error('no such schema');
  const { scene } = leg;
  const steps = leg.entities.flatMap((entity) => Array.from({ length: JOBS }, (_, index) => ({ entity: `${entity}-f${leg.victims.length}`, sequence: index + 1 })));
  const subject = uniqueName('failpoints.Foreign').replaceAll('-', '_');
  const foreign: PayloadSchema<JobV1> = { subject, version: 1, versions: [{ ...known, fields: [...known.fields, { name: subject.replaceAll('.', '_'), type: 'int', default: 0 }] }] };
  await scene.enqueueSteps(steps, foreign);
}

/** Somebody who is no member writes leases above those of the victim, as a zombie could. */
export async function cutByStranger(leg: Leg, victim: ArmedProcess): Promise<void> {
  const { scene } = leg;
  const producer = scene.broker.createProducer({ clientId: 'stranger' });
  await producer.start();
  victim.signal('SIGUSR2');
  const epochs = new Map<number, number>();
  for (const line of victim.lines) {
    const [word, partition, epoch] = line.split(' ');
    if (word === 'active') epochs.set(Number(partition), Number(epoch));
  }
  // What ends and is not settled when the lease comes may be run again, as after a crash.
  leg.tour.cuts.push({ type: 'expelled', worker: victim.name, atMs: Date.now() });
  await Promise.all([...epochs].map(([partition, epoch]) => producer.send(queueTopicNames(scene.workload.queue).retry, partition, [leaseRecord(`stranger/${epoch + 1}`, epoch + 1, 'stranger')])));
  await producer.close();
  await leg.enqueue();
  await scene.until(`${victim.name} to lease anew`, () => !victim.alive || [...epochs].every(([partition, epoch]) =>
    victim.lines.some((line) => line.startsWith(`active ${partition} `) && Number(line.split(' ')[2]) > epoch) || victim.lines.some((line) => line.startsWith('lost'))), 20_000);
}

/** The victim stands still for longer than its session, while the other goes on; then it wakes. */
export async function freeze(leg: Leg, victim: ArmedProcess): Promise<void> {
  victim.signal('SIGUSR2');
  await sleep(30);
  leg.tour.cuts.push({ type: 'frozen', worker: victim.name, atMs: Date.now() });
  victim.signal('SIGSTOP');
  await sleep(SLEEP_MS);
  await leg.enqueue();
  victim.signal('SIGCONT');
  await leg.scene.until(`${victim.name} to own something again`, () => !victim.alive || victim.lines.findLastIndex((line) => line.startsWith('active')) > victim.lines.findLastIndex((line) => line.startsWith('lost')));
}

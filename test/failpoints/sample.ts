import type { Visit } from './planSweep.ts';

/** What `npm test` visits of a sweep, which takes too long for it: deaths in a worker's start, run and stop, of producers, commands, an intake, a status service and a sandbox. */
export const sample: readonly Visit[] = [
  { stage: 'work', phase: 'run', nth: 1, point: 'shared/worker/publisher.ts:#send#2.left' },
  { stage: 'work', phase: 'run', nth: 2, point: 'shared/worker/commitLoop.ts:#commit#1.left' },
  { stage: 'work', phase: 'start', nth: 1, point: 'shared/kafka/kafkajs/consumer.ts:#readGrants#1.back' },
  { stage: 'work', phase: 'stop', nth: 1, point: 'shared/worker/queueRunner.ts:stop#1.back' },
  { stage: 'enqueue', phase: 'start', nth: 1, point: 'shared/kafka/kafkajs/produce/producer.ts:#ship#3.left' },
  { stage: 'redrive', phase: 'start', nth: 1, point: 'shared/commands/sendPaced.ts:sendPaced#6.left' },
  { stage: 'work', phase: 'run', nth: 2, point: 'shared/worker/publisher.ts:#send#2.back' },
  { stage: 'work', phase: 'run', nth: 1, point: 'shared/worker/commitLoop.ts:#commit#1.back' },
  { stage: 'work', phase: 'start', nth: 1, point: 'shared/kafka/kafkajs/group/membership.ts:#joinAndSyncOver#3.left' },
  { stage: 'work', phase: 'stop', nth: 1, point: 'shared/worker/drains.ts:drain#3.left' },
  { stage: 'discard', phase: 'start', nth: 1, point: 'shared/commands/sendPaced.ts:sendPaced#6.back' },
  { stage: 'work', phase: 'run', nth: 3, point: 'shared/worker/publisher.ts:#send#2.before' },
  { stage: 'work', phase: 'run', nth: 1, point: 'shared/worker/attempts.ts:#await#1.called' },
  { stage: 'work', phase: 'start', nth: 1, point: 'shared/kafka/kafkajs/group/membership.ts:#join#1.left' },
  { stage: 'work', phase: 'stop', nth: 1, point: 'shared/kafka/kafkajs/group/membership.ts:leave#2.left' },
  { stage: 'redrive', phase: 'start', nth: 1, point: 'shared/kafka/kafkajs/produce/producer.ts:#ship#3.left' },
  { stage: 'intake', phase: 'run', nth: 3, point: 'shared/intake/jobDoor.ts:enqueueOwned#4.before' },
  { stage: 'status', phase: 'run', nth: 1, point: 'shared/database/postgres/openPostgres.ts:transaction#5.left' },
  { stage: 'isolated', phase: 'run', nth: 1, point: 'shared/isolation/inside/servant.ts:run#1.left' },
];

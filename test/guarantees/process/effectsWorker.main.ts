import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { defineBilling, type EffectsParameters, type EffectsSaid } from './billing.ts';

/** A worker process whose handlers write bills to Postgres, and hold one customer's until a file is there. Ends with its parent. */
const parameters = JSON.parse(process.argv[2] ?? '{}') as EffectsParameters;
const say = (said: EffectsSaid): void => { process.stdout.write(`${JSON.stringify({ ...said, atUs: Number(process.hrtime.bigint() / 1000n) })}\n`); };
process.stdin.on('end', () => { process.exit(1); }).resume();

const millrace = createMillrace({
  brokers: parameters.brokers, registryUrl: parameters.registryUrl, database: parameters.databaseUrl,
  topics: { partitions: 2, replicationFactor: 1 }, logger: createLogger({ level: 'silent', service: 'effects', clock: systemClock }),
});
const job = defineBilling(parameters.queue, parameters.lease, async ({ customer }, ctx) => {
  const { id, attempt, transaction, lock } = ctx;
  say({ type: 'start', id, customer, attempt, token: lock?.token ?? null });
  if (customer === 'victim') while (!existsSync(parameters.goFile)) await sleep(10);
  else await sleep(5);
  try {
    await transaction((tx) => tx.query('insert into bills (job, customer, worker) values ($1, $2, $3)', [id, customer, parameters.workerId]).then(() => undefined));
  } catch (error) {
    say({ type: 'refused', id, customer, code: (error as { code?: string }).code ?? String(error) });
    throw error;
  }
  say({ type: 'end', id, customer });
});
await millrace.work([job], { workerId: parameters.workerId, sessionTimeoutMs: 6000 });
say({ type: 'ready' });

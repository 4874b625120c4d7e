import type { Admin } from '../kafka/port.ts';
import { ok, trouble, type Finding } from './finding.ts';

/** Whether the cluster stands. @throws MillraceError BROKER_UNAVAILABLE */
export async function checkCluster(admin: Admin): Promise<Finding> {
  const { brokers, controller } = await admin.describeCluster();
  const addresses = brokers.map(({ address }) => address).join(', ');
  if (controller === null) return trouble('kafka', 'fail', `${brokers.length} brokers (${addresses}), and no controller`, 'Look at the brokers\' logs');
  if (brokers.length < 3) return trouble('kafka', 'warn', `${brokers.length === 1 ? 'one broker' : `${brokers.length} brokers`} (${addresses})`, 'Production wants three at least: an ack means then that one may be lost');
  return ok('kafka', `${brokers.length} brokers (${addresses})`);
}

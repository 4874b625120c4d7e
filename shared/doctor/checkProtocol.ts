import type { Admin } from '../kafka/port.ts';
import { ok, trouble, type Finding } from './finding.ts';

/** Whether every broker is of a version that understands all requests of ours. @throws MillraceError BROKER_UNAVAILABLE */
export async function checkProtocol(admin: Pick<Admin, 'protocolGaps'>): Promise<Finding[]> {
  return judgeProtocol(await admin.protocolGaps());
}

/** One finding where all is well, else one for each broker that is not. Pure. */
export function judgeProtocol(brokers: Awaited<ReturnType<Admin['protocolGaps']>>): Finding[] {
  const bad = brokers.flatMap(({ broker: { address }, gaps }) => {
    if (gaps === null) return [trouble('kafka: versions', 'warn', `${address} does not answer`, 'Look at its log')];
    if (gaps.length === 0) return [];
    return [trouble('kafka: versions', 'fail', `${address} does not take ${gaps.join(', ')}`, 'It is too old or too new: millrace wants Kafka 2.3 or newer, and is tested with 4.3')];
  });
  return bad.length > 0 ? bad : [ok('kafka: versions', 'each broker takes all requests of this version')];
}

import { isMillraceError } from '../errors/MillraceError.ts';
import type { CommandTools } from '../commands/commandTools.ts';
import { createCommandId } from '../commands/commandTools.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import type { Clock } from '../runtime/clock.ts';
import { ok, trouble, type Finding } from './finding.ts';

const WARN_MS = 1000;
const FAIL_MS = 30_000;

/**
 * How far this machine's clock is from the brokers'. Kafka tells its time only in records: a topic that stamps them itself is made for one record, and
 * deleted again.
 */
export async function checkClock(tools: CommandTools, clock: Clock): Promise<Finding> {
  const topic = `millrace.doctor.${createCommandId(tools)}`;
  const { admin, broker, producer } = tools;
  try {
    await admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1, config: { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '600000' } }]);
    const beforeMs = clock.now();
    await producer.send(topic, 0, [{ key: null, value: Buffer.from('what time is it?') }]);
    const afterMs = clock.now();
    let atMs = NaN;
    await scanTopic({ broker, admin, topic, visit: (_partition, record) => { atMs = record.timestampMs; } });
    return judgeSkew(atMs, beforeMs, afterMs);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return trouble('clock', 'warn', `not known: ${error.message}`, 'It needs the right to make a topic millrace.doctor.*');
  } finally {
    await admin.deleteTopics([topic]).catch(() => undefined);
  }
}

/** The broker stamped a record with `atMs` between two looks at our clock. Pure. */
export function judgeSkew(atMs: number, beforeMs: number, afterMs: number): Finding {
  const skewMs = atMs < beforeMs ? atMs - beforeMs : atMs > afterMs ? atMs - afterMs : 0;
  const says = skewMs === 0 ? `the same as the broker's, within ${afterMs - beforeMs} ms` : `the broker's is ${Math.abs(skewMs)} ms ${skewMs > 0 ? 'ahead' : 'behind'}`;
  if (Math.abs(skewMs) < WARN_MS) return ok('clock', says);
  return trouble('clock', Math.abs(skewMs) < FAIL_MS ? 'warn' : 'fail', says, 'Jobs start early or late by so much: run NTP on both machines');
}

import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createJobLogger, createLogger, type LogLevel } from '../../../shared/runtime/logger.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

function captured(level: LogLevel = 'info') {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => { lines.push(JSON.parse(line) as Record<string, unknown>); } };
  const clock = createVirtualClock(Date.parse('2026-01-02T03:04:05Z'));
  return { lines, logger: createLogger({ level, service: 'worker', workerId: 'w-1', clock, destination }) };
}

describe('a log line', () => {
  it('says who wrote it, when, and of which job', () => {
    const { lines, logger } = captured();
    createJobLogger(logger, { jobId: 'j', kind: 'order.charge', queue: 'orders', partition: 3, offset: 42, attempt: 2 }).info({ amount: 5 }, 'charged');
    expect(lines).toEqual([
      {
        level: 'info', time: '2026-01-02T03:04:05.000Z', service: 'worker', workerId: 'w-1', jobId: 'j', kind: 'order.charge', queue: 'orders',
        partition: 3, offset: 42, attempt: 2, amount: 5, msg: 'charged',
      },
    ]);
  });

  it('is not written below the level', () => {
    const { lines, logger } = captured('warn');
    logger.info('quiet');
    logger.warn('loud');
    expect(lines.map(({ msg }) => msg)).toEqual(['loud']);
  });

  it('tells an outage without stack, once, and which setting says where it was looked for', () => {
    const { lines, logger } = captured();
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:9');
    logger.warn({ err: new MillraceError('BROKER_UNAVAILABLE', { got: cause, cause }) }, 'it tries again');
    expect(lines[0]?.['err']).toEqual({ type: 'MillraceError', code: 'BROKER_UNAVAILABLE', message: 'Kafka did not answer: got Error: connect ECONNREFUSED 127.0.0.1:9', setting: 'KAFKA_BROKERS' });
  });

  it('keeps the stack of an error that trying again does not mend, and says its cause once', () => {
    const { lines, logger } = captured();
    const cause = new Error('no such cipher');
    logger.error({ err: new MillraceError('BROKER_REFUSED', { got: cause, cause }) }, 'failed');
    const err = lines[0]?.['err'] as { message: string; stack: string };
    expect(err.message.match(/no such cipher/g)).toHaveLength(1);
    expect(err.stack).toContain('logger.test.ts');
  });

  it.each<[what: string, error: unknown]>([
    ['null', null], ['a string', 'text'], ['an error', new Error('text')],
    ['a cyclic error', (() => { const error = new Error('text'); error.cause = error; return error; })()],
    ['an error whose getters throw', Object.defineProperty(new Error('x'), 'message', { get: () => { throw new Error('no'); } })],
    ['a bigint inside', Object.assign(new Error('text'), { big: 1n })],
    ['a revoked proxy', (() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()],
  ])('survives %s as err', (_, error) => {
    const { lines, logger } = captured();
    logger.error({ err: error }, 'failed');
    expect(lines[0]).toMatchObject({ level: 'error', msg: 'failed' });
    expect(lines[0]).toHaveProperty('err');
  });
});

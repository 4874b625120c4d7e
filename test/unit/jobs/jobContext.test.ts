import { describe, expect, it, vi } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { AttemptContext, BatchAttemptContext, type JobLogger } from '../../../shared/jobs/jobContext.ts';

const logger: JobLogger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const facts = (createLogger = () => logger) => ({ id: 'i', key: 'k', kind: 'kind', queue: 'q', attempt: 2, fence: 7, enqueuedAtMs: 1000, createLogger });

describe('an attempt\'s context', () => {
  it('gives its facts to a handler that destructures it', () => {
    const { id, key, kind, queue, attempt, fence, enqueuedAt } = new AttemptContext(facts());
    expect({ id, key, kind, queue, attempt, fence, enqueuedAt }).toEqual({ id: 'i', key: 'k', kind: 'kind', queue: 'q', attempt: 2, fence: 7, enqueuedAt: new Date(1000) });
  });

  it('makes its logger once, and only when asked', () => {
    const createLogger = vi.fn(() => logger);
    const context = new AttemptContext(facts(createLogger));
    expect(createLogger).not.toHaveBeenCalled();
    expect(context.logger).toBe(context.logger);
    expect(createLogger).toHaveBeenCalledOnce();
  });

  it('tells the reason of an abort, whether the signal was read before or after it', () => {
    const reason = new MillraceError('TIMEOUT');
    const before = new AttemptContext(facts());
    const { signal } = before;
    const after = new AttemptContext(facts());
    for (const context of [before, after]) {
      expect(context.aborted).toBeNull();
      context.abort(reason);
      context.abort(new MillraceError('SHUTDOWN'));
      expect(context.signal.reason).toBe(reason);
      expect(context.aborted).toBe(reason);
    }
    expect(signal.aborted).toBe(true);
  });

  it('of a batch does the same', () => {
    const context = new BatchAttemptContext('kind', 'q', () => logger);
    expect(context.aborted).toBeNull();
    expect(context.logger).toBe(logger);
    context.abort(new MillraceError('SHUTDOWN'));
    context.abort(new MillraceError('TIMEOUT'));
    expect(context.aborted?.code).toBe('SHUTDOWN');
  });
});

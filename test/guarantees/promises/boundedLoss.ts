import { readExecutions } from '../executions.ts';
import type { Guarantee } from './guarantee.ts';

/** Of an at-most-once kind, a kill loses at most the job that each entity was at. What is in the DLQ is not lost. */
export const boundedLoss: Guarantee = {
  name: 'bounded loss',
  rulesOut: ['loss without a kill', 'loss of jobs that nobody had begun'],
  check({ accepted, lines, cuts, buried }) {
    const ended = new Set(readExecutions(lines).filter(({ endAt }) => endAt !== null).map(({ start }) => start.id));
    for (const { id } of buried) ended.add(id);
    const lost = Map.groupBy(accepted.filter(({ id }) => !ended.has(id)), ({ entity }) => entity);
    return [...lost]
      .filter(([, jobs]) => jobs.length > cuts.length)
      .map(([entity, jobs]) => `${entity} lost ${jobs.map(({ sequence }) => `#${sequence}`).join(', ')} in ${cuts.length} kills`);
  },
};

import { buries, readExecutions } from '../executions.ts';
import type { Guarantee } from './guarantee.ts';

/** At quiescence each accepted job is done, or in the DLQ; and nothing ran that was not accepted. */
export const nothingLost: Guarantee = {
  name: 'nothing lost',
  rulesOut: ['lost job', 'phantom job', 'DLQ loss'],
  check({ accepted, lines, buried, policy }) {
    const violations: string[] = [];
    const jobs = new Map(accepted.map((job) => [job.id, job]));
    const done = new Set<string>();
    const gaveUp = new Set<string>();
    for (const execution of readExecutions(lines)) {
      const { id, entity, sequence } = execution.start;
      const job = jobs.get(id);
      if (job?.entity !== entity || job.sequence !== sequence) violations.push(`${entity}#${sequence} ran, and was never accepted`);
      if (execution.outcome === 'done') done.add(id);
      if (buries(execution, policy)) gaveUp.add(id);
    }
    const inDlq = new Set(buried.map(({ id }) => id));
    for (const { id, entity, sequence } of accepted) {
      if (done.has(id) || (gaveUp.has(id) && inDlq.has(id))) continue;
      violations.push(`${entity}#${sequence} ${gaveUp.has(id) ? 'was to be buried, and is not in the DLQ' : 'is neither done nor buried'}`);
    }
    return violations;
  },
};

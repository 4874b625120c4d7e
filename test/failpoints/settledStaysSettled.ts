import type { Guarantee } from '../guarantees/promises/guarantee.ts';

/** What was committed as settled when somebody looked is not begun any more: a bound of repeats that no clock is asked about. */
export const settledStaysSettled: Guarantee = {
  name: 'settled stays settled',
  rulesOut: ['repeat of a job whose commit was acked'],
  check({ accepted, lines, commits }) {
    const violations: string[] = [];
    const at = new Map(accepted.map((job) => [job.id, job]));
    for (const [index, { settled, waited, lines: seen }] of commits.entries()) {
      for (const { type, id, entity, sequence, worker } of lines.slice(seen)) {
        const job = at.get(id);
        const commit = settled.get(job?.partition ?? -1);
        if (type !== 'start' || job === undefined || commit === undefined || waited.has(`${job.partition}/${job.offset}`)) continue;
        if (job.offset < commit.offset || commit.above.has(job.offset)) violations.push(`sight ${index + 1}: ${entity}#${sequence} was settled, and ${worker} begins it`);
      }
    }
    return violations;
  },
};

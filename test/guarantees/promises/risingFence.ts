import type { Guarantee } from './guarantee.ts';

/** For one entity the fencing token never falls, but in lines of a worker that was frozen or expelled: so a sink can tell a zombie's effects. */
export const risingFence: Guarantee = {
  name: 'rising fence',
  rulesOut: ['zombie effect that cannot be told', 'new owner with an old token', 'two owners with one token'],
  check({ lines, cuts }) {
    const violations: string[] = [];
    const frozen = new Set(cuts.filter(({ type }) => type === 'frozen' || type === 'expelled').map(({ worker }) => worker));
    const highest = new Map<string, { fence: number; worker: string }>();
    for (const { entity, sequence, fence, worker } of lines) {
      const seen = highest.get(entity);
      if (seen === undefined || fence > seen.fence) highest.set(entity, { fence, worker });
      else if (fence < seen.fence && !frozen.has(worker)) violations.push(`${entity}#${sequence}: ${worker} acts with fence ${fence} after ${seen.worker} with ${seen.fence}`);
      else if (fence === seen.fence && worker !== seen.worker) violations.push(`${entity}#${sequence}: ${worker} and ${seen.worker} act with the same fence ${fence}`);
    }
    return violations;
  },
};

import { buries, readExecutions } from '../executions.ts';
import type { BuriedCopy } from '../history.ts';
import type { Guarantee } from './guarantee.ts';

/** A DLQ record has the job's bytes and key, names its true origin, attempts, reason, and first and last failure. */
export const deadLetterFidelity: Guarantee = {
  name: 'DLQ fidelity',
  rulesOut: ['bytes changed on the way', 'a wrong origin', 'a wrong number of attempts', 'a good job buried'],
  check({ lines, buried, policy }) {
    const violations: string[] = [];
    const ends = new Map<string, { attempt: number; reasons: string }[]>();
    for (const execution of readExecutions(lines)) {
      if (!buries(execution, policy)) continue;
      const { id, attempt } = execution.start;
      const list = ends.get(id) ?? [];
      ends.set(id, list);
      list.push({ attempt, reasons: execution.outcome === 'dead' ? 'dead or permanent' : 'attempts' });
    }
    for (const copy of buried) {
      for (const wrong of differences(copy)) violations.push(`${copy.id}: ${wrong}`);
      const known = ends.get(copy.id);
      if (known === undefined) violations.push(`${copy.id}: buried, though no attempt ended so`);
      else if (!known.some(({ attempt, reasons }) => attempt === copy.attempts && reasons.split(' or ').includes(copy.reason))) {
        violations.push(`${copy.id}: says ${copy.reason} after ${copy.attempts} attempts; the witness saw ${known.map(({ attempt, reasons }) => `${reasons} after ${attempt}`).join(', ')}`);
      }
    }
    return violations;
  },
};

function differences({ copy, origin, originTimestampMs, firstFailure, lastFailure }: BuriedCopy): string[] {
  if (origin === null) return ['its origin is no record of the main topic'];
  const wrong: string[] = [];
  if (copy.value !== origin.value) wrong.push('its value is not the bytes of its origin');
  if (copy.key !== origin.key) wrong.push(`its entity is ${copy.key ?? 'none'}, and ${origin.key ?? 'none'} at its origin`);
  if (originTimestampMs !== origin.timestampMs) wrong.push('the timestamp of its origin is wrong');
  if (firstFailure === null || lastFailure === null) wrong.push('it does not say what failed first and last');
  return wrong;
}

import { expect, test } from 'vitest';
import type { ErrorCode } from '../../../shared/errors/catalogue.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { decideClaimOutcome } from '../../../shared/worker/claimOutcome.ts';

const NOW = 1_000_000;
const decide = (code: ErrorCode, passedMs = 0, random = 1) => decideClaimOutcome(new MillraceError(code), { missedSinceMs: NOW - passedMs, missingBoundMs: 900_000, awayForMs: passedMs, now: NOW, random });

test.each<[code: ErrorCode, passedMs: number, outcome: object]>([
  ['CLAIM_STORE_UNAVAILABLE', 0, { type: 'snooze', reason: 'dependency-down', forMs: 1000 }],
  ['CLAIM_STORE_UNAVAILABLE', 7000, { type: 'snooze', reason: 'dependency-down', forMs: 7000 }],
  ['CLAIM_STORE_UNAVAILABLE', 100 * 86_400_000, { type: 'snooze', reason: 'dependency-down', forMs: 20_000 }],
  ['CLAIM_STORE_REFUSED', 100 * 86_400_000, { type: 'snooze', reason: 'dependency-down', forMs: 20_000 }],
  ['CLAIM_MISSING', 0, { type: 'snooze', reason: 'claim-missing', forMs: 1000, failure: { code: 'CLAIM_MISSING', at: NOW } }],
  ['CLAIM_MISSING', 8000, { type: 'snooze', reason: 'claim-missing', forMs: 8000, failure: { code: 'CLAIM_MISSING', at: NOW - 8000 } }],
  ['CLAIM_MISSING', 899_000, { type: 'snooze', reason: 'claim-missing', forMs: 1000 }],
  ['CLAIM_MISSING', 900_000, { type: 'dead', reason: 'claim-missing', failure: { code: 'CLAIM_MISSING' } }],
  ['CLAIM_NO_STORE', 899_999, { type: 'snooze', reason: 'claim-missing', forMs: 1 }],
  ['CLAIM_NO_STORE', 900_000, { type: 'dead', reason: 'claim-missing', failure: { code: 'CLAIM_NO_STORE' } }],
  ['CLAIM_MISMATCH', 0, { type: 'dead', reason: 'claim-mismatch', failure: { code: 'CLAIM_MISMATCH' } }],
  ['CLAIM_INVALID', 0, { type: 'dead', reason: 'undecodable', failure: { code: 'CLAIM_INVALID' } }],
  ['AVRO_TRUNCATED', 0, { type: 'dead', reason: 'undecodable', failure: { code: 'AVRO_TRUNCATED' } }],
])('%s after %i ms', (code, passedMs, outcome) => {
  expect(decide(code, passedMs)).toMatchObject(outcome);
});

test('a fleet does not come back all at once', () => {
  expect(decide('CLAIM_STORE_UNAVAILABLE', 10_000, 0)).toMatchObject({ forMs: 5000 });
});

import type { Scenario } from '../frame/scenario.ts';
import { compressionScenario } from './compression.ts';
import { drainScenario } from './drain.ts';
import { enqueueScenario } from './enqueue.ts';
import { failuresScenario } from './failures.ts';
import { growthScenario } from './growth.ts';
import { idleScenario } from './idle.ts';
import { intakeScenario } from './intake.ts';
import { latencyScenario } from './latency.ts';
import { orderedScenario } from './ordered.ts';
import { outageScenario } from './outage.ts';
import { outboxScenario } from './outbox.ts';
import { recoveryScenario } from './recovery.ts';
import { restoreScenario } from './restore.ts';
import { statusScenario } from './status.ts';

export const scenarios: readonly Scenario[] = [
  enqueueScenario, drainScenario, orderedScenario, latencyScenario, failuresScenario, outageScenario, recoveryScenario, restoreScenario, growthScenario, idleScenario, compressionScenario,
  intakeScenario, outboxScenario, statusScenario,
];

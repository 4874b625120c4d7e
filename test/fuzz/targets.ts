import { avroTargets } from './avroTargets.ts';
import { envelopeTargets } from './envelopeTargets.ts';
import { recordTargets } from './recordTargets.ts';
import type { Target } from './target.ts';

export const targets: readonly Target[] = [...avroTargets, ...envelopeTargets, ...recordTargets];

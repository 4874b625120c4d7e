import { existsSync, readFileSync } from 'node:fs';
import type { Plan } from './plan.ts';

/** Small runs that show the planted bugs, found and shrunken by `npm run simulate:planted -- --keep`. */
export const PLANTED_PLANS = new URL('plantedPlans.json', import.meta.url);

/** By the bug's name. A bug without one is searched seed by seed. */
export function readPlantedPlans(): Readonly<Record<string, Plan>> {
  return existsSync(PLANTED_PLANS) ? JSON.parse(readFileSync(PLANTED_PLANS, 'utf8')) as Record<string, Plan> : {};
}

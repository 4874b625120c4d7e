import { apiKeys, connectionKeys, knownNames, processKeys, schedulerKeys } from '../../shared/runtime/config/keys.ts';
import { readConfig, type ConfigOf } from '../../shared/runtime/config/readConfig.ts';

const keys = { ...connectionKeys, ...processKeys, ...apiKeys, ...schedulerKeys };

export type SchedulerConfig = ConfigOf<typeof keys>;

/** The scheduler's settings from its environment. @throws MillraceError BAD_CONFIG telling all problems at once */
export function readSchedulerConfig(env: Readonly<Record<string, string | undefined>>): SchedulerConfig {
  return readConfig(keys, env, knownNames);
}

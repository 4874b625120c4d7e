import { apiKeys, claimKeys, connectionKeys, databaseKeys, intakeKeys, knownNames, processKeys } from '../../shared/runtime/config/keys.ts';
import { readConfig, type ConfigOf } from '../../shared/runtime/config/readConfig.ts';

const keys = { ...connectionKeys, ...processKeys, ...databaseKeys, ...intakeKeys, ...claimKeys, apiNames: apiKeys.apiNames };

export type IntakeConfig = ConfigOf<typeof keys>;

/** The intake's settings from its environment. @throws MillraceError BAD_CONFIG telling all problems at once */
export function readIntakeConfig(env: Readonly<Record<string, string | undefined>>): IntakeConfig {
  return readConfig(keys, env, knownNames);
}

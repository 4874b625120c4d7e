import { apiKeys, claimKeys, connectionKeys, databaseKeys, knownNames, processKeys, statusKeys, webhookKeys } from '../../shared/runtime/config/keys.ts';
import { readConfig, type ConfigOf } from '../../shared/runtime/config/readConfig.ts';

const keys = { ...connectionKeys, ...processKeys, ...databaseKeys, ...apiKeys, ...statusKeys, ...claimKeys, webhooksAllow: webhookKeys.webhooksAllow };

export type StatusConfig = ConfigOf<typeof keys>;

/** The status service's settings from its environment. @throws MillraceError BAD_CONFIG telling all problems at once */
export function readStatusConfig(env: Readonly<Record<string, string | undefined>>): StatusConfig {
  return readConfig(keys, env, knownNames);
}

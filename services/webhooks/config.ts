import { connectionKeys, databaseKeys, knownNames, processKeys, webhookKeys } from '../../shared/runtime/config/keys.ts';
import { readConfig, type ConfigOf } from '../../shared/runtime/config/readConfig.ts';

const keys = { ...connectionKeys, ...processKeys, ...databaseKeys, ...webhookKeys };

export type WebhooksConfig = ConfigOf<typeof keys>;

/** The settings of a webhooks process from its environment. @throws MillraceError BAD_CONFIG telling all problems at once */
export function readWebhooksConfig(env: Readonly<Record<string, string | undefined>>): WebhooksConfig {
  return readConfig(keys, env, knownNames);
}

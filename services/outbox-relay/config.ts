import { connectionKeys, databaseKeys, knownNames, outboxKeys, processKeys } from '../../shared/runtime/config/keys.ts';
import { readConfig, type ConfigOf } from '../../shared/runtime/config/readConfig.ts';

const { brokers, compression } = connectionKeys;
const keys = { brokers, compression, ...processKeys, ...databaseKeys, ...outboxKeys };

export type OutboxRelayConfig = ConfigOf<typeof keys>;

/** The relay's settings from its environment. @throws MillraceError BAD_CONFIG telling all problems at once */
export function readOutboxRelayConfig(env: Readonly<Record<string, string | undefined>>): OutboxRelayConfig {
  return readConfig(keys, env, knownNames);
}

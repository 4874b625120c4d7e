import { claimKeys, connectionKeys, databaseKeys, knownNames, processKeys, workerKeys } from '../../shared/runtime/config/keys.ts';
import { readConfig, type ConfigOf } from '../../shared/runtime/config/readConfig.ts';

const keys = { ...connectionKeys, ...processKeys, ...workerKeys, databaseUrl: databaseKeys.databaseUrl, ...claimKeys };

export type WorkerConfig = ConfigOf<typeof keys>;

/** The worker's settings from its environment. @throws MillraceError BAD_CONFIG telling all problems at once */
export function readWorkerConfig(env: Readonly<Record<string, string | undefined>>): WorkerConfig {
  return readConfig(keys, env, knownNames);
}

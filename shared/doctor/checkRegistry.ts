import { createRegistryRequest } from '../avro/registryRequest.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import { ok, trouble, type Finding } from './finding.ts';

const WANTED = 'BACKWARD_TRANSITIVE';
const OUR_SUBJECT = 'millrace.JobEvents';

/** Whether the registry answers, and holds schemas to the rule that readers rely on. */
export async function checkRegistry(url: string): Promise<Finding[]> {
  const request = createRegistryRequest({ url });
  try {
    const own = await request('GET', `subjects/${encodeURIComponent(OUR_SUBJECT)}/versions/latest`);
    const reached = ok('registry', own.status === 200 ? 'answers' : 'answers; no worker has registered its events yet');
    if (own.status !== 200) return [reached];
    const config = await request('GET', `config/${encodeURIComponent(OUR_SUBJECT)}`);
    const level = config.body['compatibilityLevel'] ?? config.body['compatibility'];
    return [reached, level === WANTED
      ? ok('registry: compatibility', `${OUR_SUBJECT} is held to ${WANTED}`)
      : trouble('registry: compatibility', 'warn', `${OUR_SUBJECT} is held to ${typeof level === 'string' ? level : 'nothing'}, not ${WANTED}`, 'A worker\'s start sets it; see who else changes rules')];
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return [trouble('registry', 'fail', error.message, 'Start it, or set SCHEMA_REGISTRY_URL')];
  }
}

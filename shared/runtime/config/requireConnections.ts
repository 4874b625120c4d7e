import { MillraceError } from '../../errors/MillraceError.ts';

/** The addresses without which a service cannot work. @throws MillraceError BAD_CONFIG naming the one that is missing */
export function requireConnections<Brokers>({ brokers, registryUrl }: { readonly brokers: Brokers | null; readonly registryUrl: string | null }): { readonly brokers: Brokers; readonly registryUrl: string } {
  if (brokers === null) throw new MillraceError('BAD_CONFIG', { at: 'KAFKA_BROKERS', expected: 'addresses such as "kafka-1:9092,kafka-2:9092"', got: 'nothing' });
  if (registryUrl === null) throw new MillraceError('BAD_CONFIG', { at: 'SCHEMA_REGISTRY_URL', expected: 'the registry\'s address', got: 'nothing' });
  return { brokers, registryUrl };
}

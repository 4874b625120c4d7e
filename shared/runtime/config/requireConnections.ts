import { MillraceError } from '../../errors/MillraceError.ts';

/** The addresses without which a service cannot work. @throws MillraceError BAD_CONFIG naming all that are missing */
export function requireConnections<Brokers>({ brokers, registryUrl }: { readonly brokers: Brokers | null; readonly registryUrl: string | null }): { readonly brokers: Brokers; readonly registryUrl: string } {
  if (brokers !== null && registryUrl !== null) return { brokers, registryUrl };
  throw missingSettings([...(brokers === null ? ['KAFKA_BROKERS'] as const : []), ...(registryUrl === null ? ['SCHEMA_REGISTRY_URL'] as const : [])]);
}

const connections = {
  KAFKA_BROKERS: 'addresses such as "kafka-1:9092,kafka-2:9092"',
  SCHEMA_REGISTRY_URL: 'the registry\'s address, such as "http://registry:8081"',
  DATABASE_URL: 'the database that the applications write their jobs to, such as "postgres://db:5432/shop"',
} as const;

/** The error of settings without which a process cannot work, all in one. */
export function missingSettings(names: readonly (keyof typeof connections)[]): MillraceError {
  return new MillraceError('BAD_CONFIG', { at: names.join(', '), fix: `Set ${names.map((name) => `${name} (${connections[name]})`).join(' and ')}` });
}

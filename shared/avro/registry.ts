import { MillraceError } from '../errors/MillraceError.ts';
import { createRegistryRequest, type RegistryOptions, type RegistryReply } from './registryRequest.ts';
import type { AvroSchema } from '../../schemas/payloadSchema.ts';

export interface RegisteredSchema {
  readonly id: number;
  /** The registry's own number, from 1 within the subject. */
  readonly version: number;
  readonly schema: string;
}

/**
 * The part of Confluent's registry API that millrace needs. Every method may throw REGISTRY_UNAVAILABLE (retriable): no answer,
 * a timeout, 5xx, 429, refused credentials, or an answer that no registry gives. Nothing is retried or cached here.
 */
export interface Registry {
  /** The schema's text. @throws MillraceError SCHEMA_UNKNOWN, SCHEMA_INVALID (not Avro, or with references) */
  schemaById(id: number): Promise<string>;
  /**
   * Sets the subject to BACKWARD_TRANSITIVE, then registers the schema; returns its id. Registering what is there already
   * returns the id it has. @throws MillraceError SCHEMA_INCOMPATIBLE, SCHEMA_INVALID
   */
  register(subject: string, schema: AvroSchema): Promise<number>;
  /** Would the subject's rule allow this schema beside every version there is? True for a subject that does not exist. */
  isCompatible(subject: string, schema: AvroSchema): Promise<boolean>;
  /** Null for a subject that does not exist. */
  latest(subject: string): Promise<RegisteredSchema | null>;
}

const COMPATIBILITY = 'BACKWARD_TRANSITIVE';

/** Creates the client; sends nothing yet. @throws MillraceError BAD_CONFIG for a bad address */
export function createRegistry(options: RegistryOptions): Registry {
  const request = createRegistryRequest(options);
  const subjectPath = (subject: string): string => `subjects/${encodeURIComponent(subject)}/versions`;

  return {
    async schemaById(id) {
      const reply = await request('GET', `schemas/ids/${String(id)}`);
      if (reply.status === 404) throw new MillraceError('SCHEMA_UNKNOWN', { at: `schema id ${String(id)}`, fix: 'Was it produced against another registry, or was the schema deleted?' });
      const body = accepted(reply);
      const { schema, schemaType = 'AVRO', references = [] } = body;
      if (schemaType !== 'AVRO') throw new MillraceError('SCHEMA_INVALID', { at: `schema id ${String(id)}`, expected: 'an Avro schema', got: schemaType });
      if (!Array.isArray(references) || references.length > 0) {
        throw new MillraceError('SCHEMA_INVALID', { at: `schema id ${String(id)}`, expected: 'a schema without references', fix: 'Register it with its types inlined' });
      }
      return text(reply, schema);
    },

    async register(subject, schema) {
      const configPath = `config/${encodeURIComponent(subject)}`;
      const config = await request('GET', configPath);
      const level = config.body['compatibilityLevel'] ?? config.body['compatibility'];
      // A registry may answer NONE for a subject without a rule, and would then take anything: the rule goes first.
      if (level !== COMPATIBILITY) {
        const setRule = (): Promise<RegistryReply> => request('PUT', configPath, { compatibility: COMPATIBILITY });
        const first = await setRule();
        // Processes that start together meet here: Apicurio answers 409 to all but the first, whose rule may be another.
        accepted(first.status === 409 ? await setRule() : first);
      }
      const reply = await request('POST', subjectPath(subject), { schema: JSON.stringify(schema), schemaType: 'AVRO' });
      if (reply.status === 409) throw new MillraceError('SCHEMA_INCOMPATIBLE', { at: subject, expected: `a schema that is ${COMPATIBILITY}`, got: reply.body['message'] });
      if (reply.status === 422) throw new MillraceError('SCHEMA_INVALID', { at: subject, expected: 'a schema that the registry takes', got: reply.body['message'] });
      return number(reply, accepted(reply)['id']);
    },

    async isCompatible(subject, schema) {
      const reply = await request('POST', `compatibility/${subjectPath(subject)}`, { schema: JSON.stringify(schema), schemaType: 'AVRO' });
      if (reply.status === 404) return true;
      return accepted(reply)['is_compatible'] === true;
    },

    async latest(subject) {
      const reply = await request('GET', `${subjectPath(subject)}/latest`);
      if (reply.status === 404) return null;
      const body = accepted(reply);
      return { id: number(reply, body['id']), version: number(reply, body['version']), schema: text(reply, body['schema']) };
    },
  };
}

function accepted(reply: RegistryReply): Readonly<Record<string, unknown>> {
  if (reply.status >= 200 && reply.status < 300) return reply.body;
  throw strange(reply, 'success');
}

function text(reply: RegistryReply, value: unknown): string {
  if (typeof value === 'string') return value;
  throw strange(reply, 'text');
}

function number(reply: RegistryReply, value: unknown): number {
  if (typeof value === 'number') return value;
  throw strange(reply, 'a number');
}

function strange(reply: RegistryReply, expected: string): MillraceError {
  return new MillraceError('REGISTRY_UNAVAILABLE', { at: reply.request, expected, got: `status ${String(reply.status)}: ${JSON.stringify(reply.body).slice(0, 200)}` });
}

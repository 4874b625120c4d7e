import avsc, { type Schema } from 'avsc';
import type { AvroSchema } from '../../schemas/payloadSchema.ts';
import type { RegisteredSchema, Registry } from '../avro/registry.ts';
import { MillraceError } from '../errors/MillraceError.ts';

/** A schema registry in memory, with switches for its outages. It refuses what is not BACKWARD_TRANSITIVE, as the real one does. */
export interface MemoryRegistry extends Registry {
  /** While set, every request fails as if nothing answered. */
  down: boolean;
}

export function createMemoryRegistry(): MemoryRegistry {
  const byId: string[] = [];
  const subjects = new Map<string, RegisteredSchema[]>();
  const fits = (subject: string, schema: AvroSchema): boolean =>
    (subjects.get(subject) ?? []).every((older) => {
      try {
        avsc.Type.forSchema(schema as Schema).createResolver(avsc.Type.forSchema(JSON.parse(older.schema) as Schema));
        return true;
      } catch {
        return false;
      }
    });

  const registry: MemoryRegistry = {
    down: false,
    async schemaById(id) {
      await answer(registry);
      const schema = byId[id - 1];
      if (schema === undefined) throw new MillraceError('SCHEMA_UNKNOWN', { at: `schema id ${id}` });
      return schema;
    },
    async register(subject, avro) {
      await answer(registry);
      const schema = JSON.stringify(avro);
      const versions = subjects.get(subject) ?? [];
      const known = versions.find((version) => version.schema === schema);
      if (known !== undefined) return known.id;
      if (!fits(subject, avro)) throw new MillraceError('SCHEMA_INCOMPATIBLE', { at: subject });
      const id = byId.indexOf(schema) >= 0 ? byId.indexOf(schema) + 1 : byId.push(schema);
      subjects.set(subject, [...versions, { id, version: versions.length + 1, schema }]);
      return id;
    },
    async isCompatible(subject, schema) {
      await answer(registry);
      return fits(subject, schema);
    },
    async latest(subject) {
      await answer(registry);
      return subjects.get(subject)?.at(-1) ?? null;
    },
  };
  return registry;
}

function answer(registry: MemoryRegistry): Promise<void> {
  return registry.down ? Promise.reject(new MillraceError('REGISTRY_UNAVAILABLE', { at: 'memory registry' })) : Promise.resolve();
}

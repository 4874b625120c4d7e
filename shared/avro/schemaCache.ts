import type { Type } from 'avsc';
import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import { admitSchema } from './admitSchema.ts';
import type { FastRead } from './compileFastRead.ts';
import { compileSchema } from './compileSchema.ts';
import { compileGuard, type Guard } from './guardAvro.ts';

export type Resolver = ReturnType<Type['createResolver']>;

/** How what was written becomes what a reader reads. */
export interface Route {
  /** Null where only avsc can. */
  readonly fast: FastRead | null;
  readonly resolver: Resolver;
}

/** A writer schema, ready to decode with. */
export interface LoadedSchema {
  readonly name: string;
  readonly type: Type;
  readonly guard: Guard;
  /** By reader; an error where the two do not fit. Weak: a reader may be dropped. */
  readonly routes: WeakMap<object, Route | MillraceError>;
  /** The last reader and the route to it: mostly there is only one. */
  reader: object | null;
  route: Route | undefined;
  /** Reads it as it was written; undefined as long as nobody has. */
  plain: FastRead | null | undefined;
  /** Used since the last clearing; such a one is spared once. */
  used: boolean;
}

/** Writer schemas by registry id. Bounded: ids come from records, and so from anybody. */
export interface SchemaCache {
  knows(id: number): boolean;
  load(id: number): Promise<void>;
  /** @throws MillraceError SCHEMA_NOT_LOADED, or what the registry or the schema was refused with */
  get(id: number): LoadedSchema;
  put(id: number, schemaText: string): void;
}

export interface SchemaCacheOptions {
  readonly fetchSchema: (id: number) => Promise<string>;
  readonly clock: Clock;
  readonly unknownForMs?: number;
  readonly maxSchemas?: number;
  readonly maxRefused?: number;
}

interface Refused {
  readonly error: MillraceError;
  readonly until: number;
}

export function createSchemaCache({ fetchSchema, clock, unknownForMs = 2000, maxSchemas = 1000, maxRefused = 10_000 }: SchemaCacheOptions): SchemaCache {
  const loaded = new Map<number, LoadedSchema>();
  const refused = new Map<number, Refused>();
  const underWay = new Map<number, Promise<void>>();

  const put = (id: number, schemaText: string): void => {
    const schema = compileWriter(schemaText);
    if (!loaded.has(id) && loaded.size >= maxSchemas) makeRoom(loaded);
    loaded.set(id, schema);
    refused.delete(id);
  };

  const fetchInto = async (id: number): Promise<void> => {
    try {
      put(id, await fetchSchema(id));
    } catch (error) {
      if (!isMillraceError(error) || error.retriable) throw error;
      refused.delete(id);
      if (refused.size >= maxRefused) refused.delete(refused.keys().next().value as number);
      refused.set(id, { error, until: clock.monotonic() + unknownForMs });
    } finally {
      underWay.delete(id);
    }
  };

  const knows = (id: number): boolean => {
    if (id < 0 || loaded.has(id)) return true;
    const refusal = refused.get(id);
    return refusal !== undefined && clock.monotonic() < refusal.until;
  };

  return {
    knows,
    load(id) {
      if (knows(id)) return Promise.resolve();
      let request = underWay.get(id);
      if (request === undefined) {
        request = fetchInto(id);
        underWay.set(id, request);
      }
      return request;
    },
    get(id) {
      const schema = loaded.get(id);
      if (schema !== undefined) {
        schema.used = true;
        return schema;
      }
      // Also when its time is over: the record was judged by `knows` a moment ago.
      const refusal = refused.get(id);
      if (refusal !== undefined) throw refusal.error;
      if (id < 0) throw new MillraceError('SCHEMA_UNKNOWN', { at: `schema id ${String(id)}`, expected: 'an id of 0 or more' });
      throw new MillraceError('SCHEMA_NOT_LOADED', { at: `schema id ${String(id)}`, fix: 'Load it first' });
    },
    put,
  };
}

function compileWriter(schemaText: string): LoadedSchema {
  const type = compileSchema(admitSchema(schemaText));
  return {
    name: type.name ?? type.branchName ?? type.typeName,
    type,
    guard: compileGuard(type),
    routes: new WeakMap(),
    reader: null,
    route: undefined,
    plain: undefined,
    used: true,
  };
}

/** Drops the oldest schema that was not used since the last time round (second chance). */
function makeRoom(loaded: Map<number, LoadedSchema>): void {
  for (const [id, schema] of loaded) {
    loaded.delete(id);
    if (!schema.used) return;
    schema.used = false;
    loaded.set(id, schema); // To the end; the loop comes back to it with its mark gone.
  }
}

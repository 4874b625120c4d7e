import type { AvroSchema } from '../../../schemas/payloadSchema.ts';

interface Field {
  readonly name: string;
  readonly type: AvroSchema;
}

/**
 * A later or earlier version of a schema: in records fields are added with defaults, left out, renamed with their old names as
 * aliases, made nullable, put in another order. `next` draws a whole number below its argument; one that draws only 0 changes nothing.
 */
export function evolveSchema(schema: AvroSchema, next: (below: number) => number): AvroSchema {
  if (Array.isArray(schema)) return schema.map((branch: AvroSchema) => evolveSchema(branch, next));
  if (typeof schema !== 'object') return schema;
  const node = schema as { readonly type: string; readonly items?: AvroSchema; readonly values?: AvroSchema; readonly fields?: readonly Field[] };
  if (node.items !== undefined) return { ...node, items: evolveSchema(node.items, next) };
  if (node.values !== undefined) return { ...node, values: evolveSchema(node.values, next) };
  if (node.fields === undefined) return schema;
  const fields: object[] = node.fields.flatMap(({ name, type }) => {
    const later = evolveSchema(type, next);
    switch (next(8)) {
      case 1: return [];
      case 2: return [{ name: `${name}New`, aliases: [name, 'neverWas'], type: later }];
      case 3: return [{ name, type: later === 'null' || Array.isArray(later) ? later : ['null', later] }];
      default: return [{ name, type: later }];
    }
  });
  const added = [[], [{ name: 'added', type: 'string', default: 'new' }], [{ name: 'added', type: { type: 'array', items: 'int' }, default: [7] }], [{ name: 'added', type: ['null', 'int'], default: null }]][next(4)] as object[];
  const turn = next(3);
  return { ...node, fields: [...fields.slice(turn), ...added, ...fields.slice(0, turn)] };
}

import avsc, { type Type } from 'avsc';

/** The fewest bytes that a value of the type can take. A type inside itself counts as 0, so the answer may be too low, never too high. */
export function minimumSize(type: Type, within: ReadonlySet<Type> = new Set(), known = new Map<Type, number>()): number {
  const seen = known.get(type);
  if (seen !== undefined) return seen;
  if (within.has(type)) return 0;
  const inside = new Set(within).add(type);
  const size = measure(type, (part) => minimumSize(part, inside, known));
  known.set(type, size);
  return size;
}

function measure(type: Type, sizeOf: (part: Type) => number): number {
  if (type.typeName === 'null') return 0;
  if (type.typeName === 'float') return 4;
  if (type.typeName === 'double') return 8;
  if (type instanceof avsc.types.FixedType) return type.size;
  if (type instanceof avsc.types.RecordType) return type.fields.reduce((sum, field) => sum + sizeOf(field.type), 0);
  if (type instanceof avsc.types.UnwrappedUnionType || type instanceof avsc.types.WrappedUnionType) return 1 + Math.min(...type.types.map(sizeOf));
  return 1;
}

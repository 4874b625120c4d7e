import avsc, { type Type } from 'avsc';
import type { Subject, SubjectVersion } from './readSubjects.ts';

/** Who writes the file, and where its types come from: in an application, from the package. */
export interface PayloadOrigin {
  readonly command: string;
  readonly typesFrom: string;
}

/** The text of a subject's `payload.generated.ts`: for each version the TypeScript types, and the schema as a constant. */
export function renderPayload(subject: Subject, origin: PayloadOrigin): string {
  const base = subject.name.slice(subject.name.lastIndexOf('.') + 1);
  const list = subject.versions.map(({ version }) => schemaName(version)).join(', ');
  return [
    `// Written by \`${origin.command}\` from the .avsc files beside it. Do not edit.`,
    `import type { AvroSchema, PayloadSchema } from '${origin.typesFrom}';`,
    '',
    ...subject.versions.flatMap((version) => renderTypes(version)),
    ...subject.versions.map(({ version, schema }) => `const ${schemaName(version)}: AvroSchema = ${JSON.stringify(schema)};`),
    `const versions: readonly AvroSchema[] = [${list}];`,
    '',
    ...subject.versions.map(({ version }) => {
      const constant = `${base.charAt(0).toLowerCase()}${base.slice(1)}V${String(version)}`;
      return `export const ${constant}: PayloadSchema<${base}V${String(version)}> = { subject: '${subject.name}', version: ${String(version)}, versions };`;
    }),
    '',
  ].join('\n');
}

const schemaName = (version: number): string => `schemaV${String(version)}`;

function renderTypes({ type, version }: SubjectVersion): string[] {
  const rendered = new Map<string, { fullName: string; text: string }>();

  const nameOf = (named: Type): string => {
    const fullName = named.name ?? '';
    const name = `${fullName.slice(fullName.lastIndexOf('.') + 1)}V${String(version)}`;
    const known = rendered.get(name);
    if (known === undefined) {
      rendered.set(name, { fullName, text: '' }); // Before its parts: a recursive type finds itself here.
      rendered.set(name, { fullName, text: define(name, named) });
    } else if (known.fullName !== fullName) {
      throw new Error(`${fullName} and ${known.fullName} would both be called ${name} in TypeScript; rename one`);
    }
    return name;
  };

  const define = (name: string, named: Type): string => {
    if (named instanceof avsc.types.EnumType) return `${comment(named.doc, '')}export type ${name} = ${named.symbols.map((symbol) => `'${symbol}'`).join(' | ')};\n`;
    const { fields } = named as InstanceType<typeof avsc.types.RecordType>;
    const lines = fields.map((field) => {
      const { doc } = field as typeof field & { doc?: string }; // Missing in avsc's typings.
      return `${comment(doc, '  ')}  readonly ${field.name}: ${expression(field.type)};\n`;
    });
    return `${comment(named.doc, '')}export interface ${name} {\n${lines.join('')}}\n`;
  };

  const expression = (part: Type): string => {
    switch (part.typeName) {
      case 'null': case 'boolean': case 'string': return part.typeName;
      case 'int': case 'long': case 'float': case 'double': return 'number';
      case 'bytes': case 'fixed': return 'Buffer';
      default:
    }
    if (part instanceof avsc.types.ArrayType) return `readonly ${bracket(expression(part.itemsType))}[]`;
    if (part instanceof avsc.types.MapType) return `Readonly<Record<string, ${expression(part.valuesType as Type)}>>`;
    if (part instanceof avsc.types.UnwrappedUnionType) {
      // Null last reads best; the order in the schema decides only the default.
      const branches = part.types.map(expression);
      return [...branches.filter((branch) => branch !== 'null'), ...branches.filter((branch) => branch === 'null')].map(bracketArray).join(' | ');
    }
    if (part.name !== undefined) return nameOf(part);
    throw new Error(`expected types that TypeScript can tell apart, got ${JSON.stringify(part.schema())}; give the branches different shapes`);
  };

  nameOf(type);
  return [...rendered.values()].reverse().map(({ text }) => text);
}

const bracket = (text: string): string => (text.includes(' ') ? `(${text})` : text);
const bracketArray = (text: string): string => (text.startsWith('readonly ') ? `(${text})` : text);

function comment(doc: string | undefined, indent: string): string {
  return doc === undefined ? '' : `${indent}/** ${doc.replaceAll('*/', '* /')} */\n`;
}

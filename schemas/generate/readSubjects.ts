import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import avsc, { type Schema, type Type } from 'avsc';
import type { AvroSchema } from '../payloadSchema.ts';

export interface SubjectVersion {
  readonly version: number;
  readonly schema: AvroSchema;
  readonly type: Type;
}

/** A folder of `schemas/`: its name is the subject, and the full name of the record in every version. */
export interface Subject {
  readonly name: string;
  readonly folder: string;
  /** Oldest first, without gaps. */
  readonly versions: readonly SubjectVersion[];
}

const VERSION_FILE = /^v([1-9]\d*)\.avsc$/;

/** Reads every subject below `root`. @throws Error that names the file which is not as it must be */
export async function readSubjects(root: string): Promise<Subject[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name.includes('.')).map((entry) => entry.name);
  return Promise.all(folders.sort().map((name) => readSubject(name, join(root, name))));
}

async function readSubject(name: string, folder: string): Promise<Subject> {
  const numbers = (await readdir(folder)).flatMap((file) => VERSION_FILE.exec(file)?.[1] ?? []).map(Number).sort((a, b) => a - b);
  if (numbers.length === 0) throw new Error(`${folder}: expected v1.avsc, got no version`);
  numbers.forEach((number, index) => {
    if (number !== index + 1) throw new Error(`${folder}: expected v${String(index + 1)}.avsc, got v${String(number)}.avsc; versions have no gaps`);
  });
  const versions = await Promise.all(numbers.map((version) => readVersion(name, folder, version)));
  return { name, folder, versions };
}

async function readVersion(subject: string, folder: string, version: number): Promise<SubjectVersion> {
  const file = join(folder, `v${String(version)}.avsc`);
  try {
    const schema = JSON.parse(await readFile(file, 'utf8')) as AvroSchema;
    const type = avsc.Type.forSchema(schema as Schema, { omitRecordMethods: true });
    if (type.typeName !== 'record' || type.name !== subject) {
      throw new Error(`expected a record named ${subject} as its folder, got ${type.typeName} ${type.name ?? '(no name)'}`);
    }
    return { version, schema, type };
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

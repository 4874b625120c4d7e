import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { plant, plantedBugs } from '../simulator/plantedBugs.ts';
import { instrument } from './instrument.ts';

const root = join(import.meta.dirname, '..', '..');

/** What is swept: everything that runs in production. Left out by name, so that a new folder is in. */
const SWEPT: readonly string[] = ['shared/', 'services/'];
const LEFT_OUT: readonly string[] = [
  'shared/embedded/', // starts Kafka for development
  'shared/testing/', 'shared/kafka/memory/', // for users' tests
  'shared/runtime/config/writeDocs/', // writes a page of the docs
  'services/demo/', 'services/stack/', // npm start and npm run stack
];
/** Loaded by the processes of the sweep as they are; here only rid of types, which spares each process the work. */
const STRIPPED: readonly string[] = ['schemas/', 'test/guarantees/process/', 'test/failpoints/'];

export interface SweptSource {
  /** From the repository's root. */
  readonly file: string;
  readonly text: string;
}

export function readSweptSources(): SweptSource[] {
  return listFiles(SWEPT).filter((file) => !LEFT_OUT.some((folder) => file.startsWith(folder))).map(read);
}

export interface ArmedCode {
  readonly points: readonly string[];
  /** JavaScript by URL of its TypeScript source. */
  readonly code: Readonly<Record<string, string>>;
}

/**
 * All swept sources with their points, and what else a process of the sweep loads.
 * @param bug the name of a planted bug, to see that the sweep finds it; the processes that are armed have it
 */
export function armSources(bug: string | null = null): ArmedCode {
  const planted = new Set(bug === null ? [] : plantedBugs[bug]?.edits.map(({ file }) => `shared/${file}`) ?? [`no planted bug is named ${bug}`]);
  const points: string[] = [];
  const code: Record<string, string> = {};
  for (const { file, text } of listFiles([...STRIPPED, ...LEFT_OUT]).map(read)) code[urlOf(file)] = stripTypeScriptTypes(text);
  for (const { file, text } of readSweptSources()) {
    const armed = instrument(file, bug !== null && planted.delete(file) ? plant(bug, file.slice('shared/'.length), text) : text);
    points.push(...armed.points);
    code[urlOf(file)] = stripTypeScriptTypes(armed.source);
  }
  if (planted.size > 0) throw new Error(`not planted: ${[...planted].join(', ')}`);
  return { points, code };
}

function listFiles(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => folder + name.replaceAll('\\', '/'))).sort();
}

function read(file: string): SweptSource {
  return { file, text: readFileSync(join(root, file), 'utf8') };
}

function urlOf(file: string): string {
  return pathToFileURL(join(root, file)).href;
}

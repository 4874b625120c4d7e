#!/usr/bin/env node
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findBreaks } from './findBreaks.ts';
import { readSubjects, type Subject } from './readSubjects.ts';
import { renderPayload, type PayloadOrigin } from './renderPayload.ts';

/**
 * `npm run schemas:generate` writes each subject's `payload.generated.ts`. `npm run schemas:check` (`--check`) writes nothing; it
 * fails when one has drifted from its .avsc files, or when a version cannot read what an earlier one wrote.
 *
 * Applications do the same with `npx millrace-schemas FOLDER [--check]`: a folder that holds one folder a subject.
 */
const { values: { check: checkOnly = false }, positionals } = parseArgs({ allowPositionals: true, options: { check: { type: 'boolean' } } });
const ours = positionals[0] === undefined;
const root = ours ? join(import.meta.dirname, '..') : resolve(positionals[0] ?? '');
const origin: PayloadOrigin = ours
  ? { command: 'npm run schemas:generate', typesFrom: '../payloadSchema.ts' }
  : { command: 'npx millrace-schemas', typesFrom: 'millrace' };

const findDrift = async (subject: Subject): Promise<string[]> => {
  const current = await readFile(generatedFile(subject), 'utf8').catch(() => '');
  return current === renderPayload(subject, origin) ? [] : [`${subject.name}: payload.generated.ts is not what its .avsc files say. Run ${origin.command}`];
};

const counted = (count: number, what: string): string => `${String(count)} ${what}${count === 1 ? '' : 's'}`;

const generatedFile = (subject: Subject): string => join(subject.folder, 'payload.generated.ts');

const subjects = await readSubjects(root);
const problems = subjects.flatMap(findBreaks);
if (checkOnly) {
  problems.push(...(await Promise.all(subjects.map(findDrift))).flat());
} else {
  await Promise.all(subjects.map((subject) => writeFile(generatedFile(subject), renderPayload(subject, origin))));
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${counted(subjects.length, 'subject')}, ${counted(subjects.reduce((sum, { versions }) => sum + versions.length, 0), 'version')}: ${checkOnly ? 'compatible, and the code fits' : 'written'}`);

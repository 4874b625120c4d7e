import { pathToFileURL } from 'node:url';
import { MillraceError } from '../errors/MillraceError.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';

/** The job definitions among a module's exports, single or in lists. @throws MillraceError BAD_CONFIG when there are none */
export function findJobs(module: Readonly<Record<string, unknown>>, name: string): JobDefinition[] {
  const jobs = new Set<JobDefinition>();
  for (const exported of Object.values(module).flat()) if (isJobDefinition(exported)) jobs.add(exported);
  if (jobs.size === 0) {
    throw new MillraceError('BAD_CONFIG', { at: name, expected: 'a module that exports what defineJob made', got: Object.keys(module).join(', ') || 'no exports' });
  }
  return [...jobs];
}

/** Imports modules and collects their job definitions. @throws MillraceError BAD_CONFIG naming the module that cannot be used */
export async function loadJobs(paths: readonly string[], directory: string): Promise<JobDefinition[]> {
  if (paths.length === 0) throw new MillraceError('BAD_CONFIG', { at: 'arguments', expected: 'paths of modules that export job definitions', got: 'none', fix: 'For instance: ./jobs.js' });
  const jobs: JobDefinition[] = [];
  for (const path of paths) {
    let module: Record<string, unknown>;
    try {
      module = (await import(new URL(path, pathToFileURL(`${directory}/`)).href)) as Record<string, unknown>;
    } catch (cause) {
      throw new MillraceError('BAD_CONFIG', { at: path, expected: 'a module that can be imported', got: cause, cause });
    }
    jobs.push(...findJobs(module, path));
  }
  return jobs;
}

function isJobDefinition(value: unknown): value is JobDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, queue, policy, schema } = value as Partial<JobDefinition>;
  return typeof kind === 'string' && typeof queue === 'string' && typeof policy === 'object' && typeof schema === 'object';
}

import { didYouMean } from '../../errors/didYouMean.ts';
import { MillraceError, describeValue } from '../../errors/MillraceError.ts';
import type { ConfigKey } from './declare.ts';

/** The values of declared settings. */
export type ConfigOf<D> = { readonly [N in keyof D]: D[N] extends ConfigKey<infer T> ? T : never };

type Declarations = Readonly<Record<string, ConfigKey<unknown>>>;
type Env = Readonly<Record<string, string | undefined>>;

/** Our own names: among these, one that nobody declared is a mistake. */
const OWN_PREFIX = 'MILLRACE_';

/**
 * Reads settings from the environment. A variable that is empty counts as not set. All problems are told at once, misspelt `MILLRACE_*` names
 * among them; `alsoKnown` are names that other processes read. @throws MillraceError BAD_CONFIG
 */
export function readConfig<D extends Declarations>(declarations: D, env: Env, alsoKnown: Iterable<string> = []): ConfigOf<D> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, key] of Object.entries(declarations)) {
    const given = env[key.env];
    const text = given === undefined || given.trim() === '' ? key.defaultText : given.trim();
    if (text === null) {
      values[name] = key.absent;
      continue;
    }
    const result = key.read(text);
    if ('value' in result) values[name] = result.value;
    else problems.push(`${key.env}: expected ${result.expected}, got ${key.secret ? 'something else (hidden)' : describeValue(text)}`);
  }
  problems.push(...findUnknownNames(env, new Set([...Object.values(declarations).map((key) => key.env), ...alsoKnown])));
  if (problems.length > 0) {
    throw new MillraceError('BAD_CONFIG', { at: problems.length === 1 ? '1 problem' : `${problems.length} problems`, fix: `\n  ${problems.join('\n  ')}` });
  }
  return Object.freeze(values) as ConfigOf<D>;
}

function findUnknownNames(env: Env, known: ReadonlySet<string>): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(OWN_PREFIX) && !known.has(name))
    .map((name) => {
      const meant = didYouMean(name, known);
      return `${name}: no such setting${meant === null ? '' : `, did you mean ${meant}?`}`;
    });
}

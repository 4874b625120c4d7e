import { isMillraceError } from '../../errors/MillraceError.ts';
import { parseDuration } from '../../jobs/duration.ts';

/** What a text says; or what was expected instead, in words. */
export type ReadResult<T> = { readonly value: T } | { readonly expected: string };

/** One setting: everything that is known of it, in one place. */
export interface ConfigKey<T> {
  /** Name of the environment variable. */
  readonly env: string;
  /** The type in words, for people: "a duration such as "30s"". */
  readonly type: string;
  /** What stands when the variable is not set, as text; null: nothing, and {@link absent} is the value. */
  readonly defaultText: string | null;
  readonly absent: T | undefined;
  /** What it does, in one or two sentences. */
  readonly prose: string;
  /** Never shown in errors and logs. */
  readonly secret: boolean;
  read(text: string): ReadResult<T>;
}

interface Common {
  readonly env: string;
  readonly prose: string;
  readonly secret?: boolean;
}

/** Settings with a default always have a value; those without may be null. */
type WithDefault = Common & { readonly default: string };
type Optional = Common & { readonly default?: undefined };

function declare<T>(given: Common & { readonly default?: string | undefined }, type: string, read: (text: string) => ReadResult<T>): ConfigKey<T | null> {
  const { env, prose, secret = false, default: defaultText = null } = given;
  return { env, type, prose, secret, defaultText, absent: defaultText === null ? null : undefined, read };
}

/** Text; `allow` says which, `expected` in words. */
export function text(given: WithDefault & { readonly allow?: RegExp; readonly expected?: string }): ConfigKey<string>;
export function text(given: Optional & { readonly allow?: RegExp; readonly expected?: string }): ConfigKey<string | null>;
export function text(given: Common & { readonly default?: string | undefined; readonly allow?: RegExp; readonly expected?: string }): ConfigKey<string | null> {
  const { allow = /\S/, expected = 'text' } = given;
  return declare<string>(given, expected, (value) => (allow.test(value) ? { value } : { expected }));
}

/** A whole number in plain digits. */
export function whole(given: WithDefault & { readonly min: number; readonly max: number }): ConfigKey<number>;
export function whole(given: Optional & { readonly min: number; readonly max: number }): ConfigKey<number | null>;
export function whole(given: Common & { readonly default?: string | undefined; readonly min: number; readonly max: number }): ConfigKey<number | null> {
  const { min, max } = given;
  const type = `a whole number from ${min} to ${max}`;
  return declare<number>(given, type, (value) => {
    const number = Number(value);
    return /^[0-9]{1,15}$/.test(value) && number >= min && number <= max ? { value: number } : { expected: type };
  });
}

/** A duration; the value is in ms. `min` and `max` are durations too. */
export function duration(given: WithDefault & { readonly min: string; readonly max: string }): ConfigKey<number>;
export function duration(given: Optional & { readonly min: string; readonly max: string }): ConfigKey<number | null>;
export function duration(given: Common & { readonly default?: string | undefined; readonly min: string; readonly max: string }): ConfigKey<number | null> {
  const type = `a duration from "${given.min}" to "${given.max}"`;
  const [minMs, maxMs] = [parseDuration(given.min), parseDuration(given.max)];
  return declare(given, type, (value) => {
    try {
      const ms = parseDuration(value, given.env);
      return ms >= minMs && ms <= maxMs ? { value: ms } : { expected: type };
    } catch (error) {
      if (isMillraceError(error, 'BAD_DURATION')) return { expected: type };
      throw error;
    }
  }) as ConfigKey<number>;
}

const unitBytes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A size with its unit; the value is in bytes. */
export function size(given: WithDefault): ConfigKey<number> {
  const type = 'a size such as "64MiB" (B, KiB, MiB, GiB)';
  return declare(given, type, (value) => {
    const match = /^([0-9]{1,9})(B|KiB|MiB|GiB)$/.exec(value);
    const bytes = match === null ? 0 : Number(match[1]) * (unitBytes[match[2] ?? ''] ?? 0);
    return bytes > 0 ? { value: bytes } : { expected: type };
  }) as ConfigKey<number>;
}

/** One of some words. */
export function choice<const T extends string>(given: Common & { readonly default: NoInfer<T>; readonly choices: readonly T[] }): ConfigKey<T> {
  const type = given.choices.map((word) => `"${word}"`).join(', ');
  return declare(given, `one of ${type}`, (value) => {
    const chosen = given.choices.find((word) => word === value);
    return chosen === undefined ? { expected: `one of ${type}` } : { value: chosen };
  }) as ConfigKey<T>;
}

/** Addresses `host:port`, separated by commas. */
export function addresses(given: Optional): ConfigKey<readonly string[] | null> {
  const type = 'addresses host:port, separated by commas';
  return declare<readonly string[]>(given, type, (value) => {
    const list = value.split(',').map((each) => each.trim()).filter((each) => each !== '');
    return list.length > 0 && list.every((each) => /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):[0-9]{1,5}$/.test(each)) ? { value: list } : { expected: type };
  });
}

/** An http or https address; it may hold credentials, so it is kept secret. */
export function httpUrl(given: Optional): ConfigKey<string | null> {
  const type = 'an http or https address';
  return declare<string>({ secret: true, ...given }, type, (value) => {
    const url = URL.parse(value);
    return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') ? { value } : { expected: type };
  });
}

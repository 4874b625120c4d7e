import type { Duration } from './duration.ts';

/** A parameter of a statement. */
export type StatementValue = null | boolean | number | bigint | string | Uint8Array | readonly StatementValue[];

/** A transaction of the worker's database, for the handler's statements. */
export interface JobTransaction {
  /** Runs one statement, with `$1`, `$2`, … for its parameters. @throws MillraceError DATABASE_CONSTRAINT, DATABASE_REFUSED, DATABASE_CONFLICT, DATABASE_UNAVAILABLE */
  query<R = Record<string, unknown>>(sql: string, params?: readonly StatementValue[]): Promise<{ readonly rows: R[]; readonly affected: number }>;
  /** Runs several statements, separated by semicolons, without parameters. */
  script(sql: string): Promise<void>;
}

/** A lock that an attempt holds. */
export interface HeldLock {
  readonly name: string;
  /** Fencing token: of one name, whoever takes the lock later has a higher one. A sink that keeps the highest it saw can refuse former holders. */
  readonly token: number;
}

export interface LockOptions {
  /** After so long without a sign of life from its holder (it renews three times as often) a lock is another's to take; 1 s to 1 h. @default "30s" */
  readonly lease?: Duration;
}

/** The name of a lock for a job option `lock`, or null for none; with a lease of its own if need be. */
export type LockChoice = string | null | { readonly name: string; readonly lease?: Duration };

/** What an attempt may do to the worker's database so that it counts once. Handlers see it as part of their context. */
export interface AttemptEffects {
  once<T>(step: string, work: (tx: JobTransaction) => Promise<T>): Promise<T>;
  withLock<T>(name: string, work: (lock: HeldLock) => Promise<T> | T, options?: LockOptions): Promise<T>;
}

/** Step of `ctx.transaction`. */
export const WHOLE_JOB = '';

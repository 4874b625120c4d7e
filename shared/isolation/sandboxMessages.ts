import type { ErrorCode } from '../errors/catalogue.ts';
import type { ReplayMark, ScheduleTick } from '../jobs/jobContext.ts';
import type { HeldLock } from '../jobs/jobEffects.ts';
import type { Failure } from '../jobs/failure.ts';
import type { Outcome } from '../jobs/outcome.ts';

/** One attempt, as it goes into a sandbox. */
export interface SandboxTask {
  readonly payload: unknown;
  readonly id: string;
  readonly key: string | null;
  readonly kind: string;
  readonly queue: string;
  readonly attempt: number;
  readonly fence: number;
  /** Epoch ms. */
  readonly enqueuedAtMs: number;
  /** What the kind's `lock` option took. */
  readonly lock?: HeldLock | null;
  readonly replay?: ReplayMark | null;
  readonly tick?: ScheduleTick | null;
}

/** How the handler ended: with an answer, or with something thrown, of which name, code and message arrive. */
export type HandlerEnd =
  | { readonly type: 'answered'; readonly outcome: Outcome }
  | { readonly type: 'threw'; readonly failure: Failure; readonly permanent: boolean };

export type LogLevelName = 'debug' | 'info' | 'warn' | 'error';

/** A line that the handler logs: `fields` as JSON, so that a line of megabytes, or one that no JSON can say, stays where it was made. */
export interface SandboxLine {
  readonly level: LogLevelName;
  readonly fields: string;
  readonly message: string;
}

export type ToSandbox =
  | { readonly type: 'run'; readonly number: number; readonly task: SandboxTask }
  | { readonly type: 'abort'; readonly number: number; readonly code: ErrorCode; readonly at: string | null; readonly expected: string | null };

export type FromSandbox =
  | { readonly type: 'ready' }
  /** The handler's module cannot be used. */
  | { readonly type: 'unusable'; readonly failure: Failure }
  | ({ readonly type: 'log'; readonly number: number } & SandboxLine)
  | { readonly type: 'progress'; readonly number: number; readonly fraction: number; readonly note: string | null }
  | { readonly type: 'ended'; readonly number: number; readonly end: HandlerEnd; readonly rssBytes: number };

/** As it goes over the channel: a library that the handler uses may take the worker for a parent of another kind, and talk to it as well. */
export interface SandboxSays {
  readonly millrace: FromSandbox;
}

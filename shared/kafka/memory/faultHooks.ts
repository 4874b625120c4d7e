import type { ErrorCode } from '../../errors/catalogue.ts';
import type { OutgoingRecord, PartitionCommit } from '../port.ts';
import { batchBytes } from './recordSize.ts';

export interface ProduceRequest {
  readonly clientId: string;
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly OutgoingRecord[];
}

export interface CommitRequest {
  readonly clientId: string;
  readonly group: string;
  readonly commits: readonly PartitionCommit[];
}

export interface FetchRequest {
  readonly clientId: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** The broker says no; nothing is stored. */
export interface Refuse { readonly type: 'refuse'; readonly code: ErrorCode }
/** Stored (for a produce: `storeAfterMs` later), but the caller is told BROKER_UNAVAILABLE. */
export interface LoseAck { readonly type: 'lose-ack'; readonly storeAfterMs: number }
/** Appended, acknowledged `byMs` later. */
export interface DelayAck { readonly type: 'delay-ack'; readonly byMs: number }
/** Appended and acknowledged; the same records are appended once more `afterMs` later. */
export interface Duplicate { readonly type: 'duplicate'; readonly afterMs: number }
/** Arrives later, and all that the client sent behind it with it. */
export interface Hold { readonly type: 'hold'; readonly forMs: number }
/** Does not arrive while the hook says so; asked again when a hook is added or removed. */
export interface Stall { readonly type: 'stall' }

export type ProduceDecision = Refuse | LoseAck | DelayAck | Duplicate | Hold | Stall;
export type CommitDecision = Refuse | LoseAck | Hold | Stall;
export type FetchDecision = Hold | Stall;

/** Asked as a request reaches the broker. Undefined: no opinion; the next hook is asked, and without one all goes well. */
export type Hook<Request, Decision> = (request: Request) => Decision | undefined;

export interface Hooks<Request, Decision> {
  /** Returns how to remove it. */
  add(hook: Hook<Request, Decision>): () => void;
  decide(request: Request): Decision | undefined;
}

export function createHooks<Request, Decision>(changed: () => void): Hooks<Request, Decision> {
  const hooks: Hook<Request, Decision>[] = [];
  return {
    add(hook) {
      hooks.push(hook);
      changed();
      return () => {
        const at = hooks.indexOf(hook);
        if (at === -1) return;
        hooks.splice(at, 1);
        changed();
      };
    },
    decide(request) {
      for (const hook of hooks) {
        const decision = hook(request);
        if (decision !== undefined) return decision;
      }
      return undefined;
    },
  };
}

/** Which requests a hook means; what is left out matches everything. */
export interface Match {
  readonly clientId?: string;
  readonly group?: string;
  readonly topic?: string;
  readonly partition?: number;
}

/** `faults.onProduce(when({ topic: 'orders.retry' }, refuse('BROKER_UNAVAILABLE')))` */
export function when<Decision>(match: Match, decision: Decision): Hook<Match, Decision> {
  const wanted = Object.entries(match) as [keyof Match, string | number][];
  return (request) => (wanted.every(([name, value]) => request[name] === value) ? decision : undefined);
}

/** Lets a hook decide `count` times, then never again. */
export function times<Request, Decision>(count: number, hook: Hook<Request, Decision>): Hook<Request, Decision> {
  let left = count;
  return (request) => {
    const decision = left > 0 ? hook(request) : undefined;
    if (decision !== undefined) left -= 1;
    return decision;
  };
}

/** Refuses sends with a record that would take more than `maxBytes`, as a lowered `max.message.bytes` would. */
export function refuseLargerThan(maxBytes: number, match: Match = {}): Hook<ProduceRequest, Refuse> {
  const chosen = when(match, refuse('BROKER_RECORD_TOO_LARGE'));
  return (request) => (request.records.some((record) => batchBytes(record) > maxBytes) ? chosen(request) : undefined);
}

export const refuse = (code: ErrorCode): Refuse => ({ type: 'refuse', code });
export const loseAck = (storeAfterMs = 0): LoseAck => ({ type: 'lose-ack', storeAfterMs });
export const delayAck = (byMs: number): DelayAck => ({ type: 'delay-ack', byMs });
export const duplicate = (afterMs: number): Duplicate => ({ type: 'duplicate', afterMs });
export const hold = (forMs: number): Hold => ({ type: 'hold', forMs });
export const stall = (): Stall => ({ type: 'stall' });

import { MillraceError } from '../errors/MillraceError.ts';

/** The broker has the job: it is accepted, and nothing that millrace promises can lose it any more. */
export interface Receipt {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * Of the jobs of one `enqueueMany`, some were accepted and some not. Enqueue again those without a receipt. The cause is the first failure.
 */
export class PartlyEnqueuedError extends MillraceError {
  /** In the order of the jobs; null where the broker did not say that it has the job. */
  readonly receipts: readonly (Receipt | null)[];

  constructor(receipts: readonly (Receipt | null)[], cause: unknown) {
    const accepted = receipts.filter((receipt) => receipt !== null).length;
    super('PARTLY_ENQUEUED', { expected: `${receipts.length} jobs`, got: accepted, cause, fix: 'Enqueue again those without a receipt' });
    this.receipts = receipts;
  }
}

/** Gathers the answers for the jobs of one call, so that a call needs one promise however many jobs it has. */
export interface ReceiptBook {
  accept(index: number, receipt: Receipt): void;
  refuse(index: number, error: unknown): void;
  /** Resolves when every job is accepted. Rejects when every job has its answer: with the failure if none was accepted, else PARTLY_ENQUEUED. */
  readonly complete: Promise<Receipt[]>;
}

export function createReceiptBook(count: number): ReceiptBook {
  const receipts = new Array<Receipt | null>(count).fill(null);
  const { promise, resolve, reject } = Promise.withResolvers<Receipt[]>();
  let open = count;
  let accepted = 0;
  let firstError: unknown;
  const close = (): void => {
    open -= 1;
    if (open > 0) return;
    if (accepted === count) resolve(receipts as Receipt[]);
    else reject(accepted === 0 ? asError(firstError) : new PartlyEnqueuedError(receipts, firstError));
  };
  if (count === 0) resolve([]);
  return {
    complete: promise,
    accept(index, receipt) {
      receipts[index] = receipt;
      accepted += 1;
      close();
    },
    refuse(_index, error) {
      firstError ??= error;
      close();
    },
  };
}

/** What a call for one job rejects with. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new MillraceError('BROKER_UNAVAILABLE', { cause: error });
}

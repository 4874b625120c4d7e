/** Randomness of a run: one seed, one sequence of draws. */
export interface Dice {
  /** In [0, 1). */
  next(): number;
  /** An integer from `from` to `to`, both included. */
  between(from: number, to: number): number;
  pick<T>(of: readonly [T, ...T[]] | readonly T[]): T;
}

/** Ends a fault. Must not fail because what it concerned is gone, and resolves when the part serves again or is on its way to. */
export type Heal = () => Promise<void>;

/** A fault in force. */
export interface FaultInForce {
  /** What was done to whom, for the report: `SIGKILL of broker 2, leader of 3 partitions`. */
  readonly what: string;
  /** There was nothing left that it could strike: it does not count. */
  readonly missed?: true;
  readonly heal: Heal;
}

/**
 * One fault of the menu. `S` is what it reaches: a fault names only the parts of the stage that it touches.
 * The run holds it for the drawn time between `forMs`, then heals.
 */
export interface Fault<S> {
  readonly name: string;
  readonly forMs: readonly [number, number];
  /** Relative chance; 1 when left out. */
  readonly weight?: number;
  begin(stage: S, dice: Dice): Promise<FaultInForce>;
}

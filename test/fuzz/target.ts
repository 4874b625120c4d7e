import type fc from 'fast-check';

/** Something that reads what anybody may have written. */
export interface Target {
  readonly name: string;
  /** Default 1. */
  readonly inputsPerRun?: number;
  /** Runs one input, or several, against it and throws when it breaks a promise. */
  readonly property: fc.IProperty<unknown> | fc.IAsyncProperty<unknown>;
}

/** Runs the reader: `codes` are all that it may refuse with. Undefined: it refused. Any other error passes through, and fails the run. */
export function readOrRefuse<T>(read: () => T, codes: readonly string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'string' && codes.includes(code) && (error as Error).name === 'MillraceError') return undefined;
    throw error;
  }
}

/** For bounds of work and size. @throws Error saying both */
export function holdTo(what: string, measured: number, bound: number): void {
  if (!(measured <= bound)) throw new Error(`${what}: ${measured}, more than ${bound}`);
}

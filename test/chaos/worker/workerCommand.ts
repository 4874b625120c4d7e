/** What a worker process of a chaos run is told on its standard input, a line of JSON each. */
export type WorkerCommand =
  /** Keep the event loop busy, as a handler does that never lets go. */
  | { readonly do: 'block'; readonly forMs: number }
  /** Move the wall clock of this process so far from the true time; the steady one goes on. */
  | { readonly do: 'jump'; readonly toMs: number };

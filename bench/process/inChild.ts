import type { Serializable } from 'node:child_process';

/** A child's side of `child.ts`. */
export interface Parent<Plan> {
  readonly plan: Plan;
  tell(message: Serializable): void;
  /** Resolves at the parent's next word of that type. */
  hear(type: string): Promise<void>;
}

/**
 * Waits for the plan. The channel to the parent breaks when that dismisses the child, and when it is gone, by SIGKILL too: either way the child
 * ends at once, so none outlives its parent.
 */
export function hearPlan<Plan>(): Promise<Parent<Plan>> {
  const heard = new Map<string, PromiseWithResolvers<void>>();
  const wordOf = (type: string): PromiseWithResolvers<void> => {
    const word = heard.get(type) ?? Promise.withResolvers<void>();
    heard.set(type, word);
    return word;
  };
  process.once('disconnect', () => { process.exit(0); });
  return new Promise((resolve) => {
    process.on('message', (message: { type: string; plan?: Plan }) => {
      if (message.type !== 'plan') return wordOf(message.type).resolve();
      resolve({
        plan: message.plan as Plan,
        tell: (told) => { process.send?.(told); },
        hear: (type) => wordOf(type).promise,
      });
    });
  });
}

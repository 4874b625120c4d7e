import type { Clock } from '../../runtime/clock.ts';

export interface Wire {
  /** `handle` runs at the far end, after `latencyMs` and after all that was sent before. `stall` keeps it, and all behind it, waiting. */
  send(latencyMs: number, handle: () => 'handled' | 'stall' | { readonly holdMs: number }): void;
  /** Tries again what stalled. */
  retry(): void;
}

/** One connection to a broker: requests arrive in the order in which they were sent, those sent together at once. */
export function createWire(clock: Clock): Wire {
  const queue: { dueMs: number; readonly handle: Parameters<Wire['send']>[1] }[] = [];
  let armed = false;
  let lastDueMs = 0;

  const arm = (): void => {
    const head = queue[0];
    if (armed || head === undefined) return;
    armed = true;
    clock.after(head.dueMs - clock.monotonic(), () => { armed = false; arrive(); });
  };
  const arrive = (): void => {
    let done = 0;
    for (const request of queue) {
      if (request.dueMs > clock.monotonic()) break;
      const verdict = request.handle();
      if (verdict === 'stall') {
        queue.splice(0, done);
        return;
      }
      if (verdict !== 'handled') {
        request.dueMs = clock.monotonic() + verdict.holdMs;
        break;
      }
      done += 1;
    }
    queue.splice(0, done);
    arm();
  };

  return {
    send(latencyMs, handle) {
      lastDueMs = Math.max(lastDueMs, clock.monotonic() + latencyMs);
      const stalled = !armed && queue.length > 0;
      queue.push({ dueMs: lastDueMs, handle });
      if (!stalled) arm();
    },
    retry() {
      if (!armed && queue.length > 0) {
        armed = true;
        clock.after(0, () => { armed = false; arrive(); });
      }
    },
  };
}

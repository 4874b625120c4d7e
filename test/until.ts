const POLL_MS = 10;

/** Waits for what no signal tells: asks again and again. @throws Error after `patienceMs`, naming what was waited for */
export async function until(condition: () => boolean | Promise<boolean>, what: string, patienceMs = 60_000): Promise<void> {
  const startedMs = performance.now();
  while (!await condition()) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

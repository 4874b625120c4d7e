/** Below this a loop is faster than a call. */
const SHORT_BYTES = 16;

/**
 * Appends at `filled` what stands `distance` bytes before it. Longer than its distance, it repeats what it writes: that is how these formats say runs.
 * The caller has seen to it that all of it lies within `out`.
 */
export function copyBack(out: Buffer, filled: number, distance: number, length: number): void {
  const from = filled - distance;
  if (length < SHORT_BYTES) {
    for (let index = 0; index < length; index++) out[filled + index] = out[from + index] ?? 0;
    return;
  }
  for (let done = 0; done < length;) {
    const span = Math.min(distance + done, length - done); // what repeats has grown by what was written
    out.copyWithin(filled + done, from, from + span);
    done += span;
  }
}

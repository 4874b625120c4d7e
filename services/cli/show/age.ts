const units: readonly (readonly [ms: number, name: string])[] = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'm'], [1000, 's']];

/** A span in its largest unit: "3h". Below a second: "0s". */
export function spanText(ms: number): string {
  const [unitMs, name] = units.find(([size]) => Math.abs(ms) >= size) ?? [1000, 's'];
  return `${Math.floor(Math.abs(ms) / unitMs)}${name}`;
}

/** How long ago, or in how long: "3h ago", "in 5m". Null where there is no time. */
export function ageText(time: string | Date | null | undefined, nowMs: number): string | null {
  if (time === null || time === undefined) return null;
  const ms = nowMs - new Date(time).getTime();
  if (Number.isNaN(ms)) return null;
  return ms >= 0 ? `${spanText(ms)} ago` : `in ${spanText(ms)}`;
}

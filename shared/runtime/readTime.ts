const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * Epoch ms of an RFC 3339 time; NaN for others, also for days that no calendar has, and for leap seconds (`:60`), which no Date can hold. Fractions are
 * cut to ms.
 */
export function readTime(text: string): number {
  const match = rfc3339.exec(text);
  if (match === null) return NaN;
  const [, day = '', time = '', fraction = '', zone = ''] = match;
  if (Number.isNaN(readDay(day))) return NaN;
  return Date.parse(`${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${zone.toUpperCase()}`);
}

/** The same as the check of a `date-time` in a JSON schema. */
export function isTime(text: string): boolean {
  return !Number.isNaN(readTime(text));
}

/** Epoch ms at which a day such as `2026-02-28` begins in UTC; NaN where there is no such day. */
export function readDay(text: string): number {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return NaN;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text ? NaN : ms;
}

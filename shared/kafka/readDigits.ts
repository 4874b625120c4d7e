const ZERO = 0x30;

/** The whole number that these bytes are, in 1 to `most` plain decimal digits; −1: they are anything else. */
export function readDigits(bytes: Uint8Array, from: number, end: number, most: number): number {
  if (end <= from || end - from > most) return -1;
  let number = 0;
  for (let at = from; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

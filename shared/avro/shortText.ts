import { compileFunction } from 'node:vm';

/** The text of `length` bytes, at most {@link MAX_SHORT_BYTES}; undefined unless all of them are ASCII. */
export type ReadShortText = (bytes: Uint8Array, start: number, length: number) => string | undefined;

/** Decoding natively costs 65 ns or more, 14 letters put together here 35; from here on that is slower. */
export const MAX_SHORT_BYTES = 32;

let made: ReadShortText | undefined;

/** How short texts are read without a call into native code. */
export function shortTextReader(): ReadShortText {
  return (made ??= compileShortText());
}

/** One case for each length: `String.fromCharCode` is fast only where its arguments are written out. */
function compileShortText(): ReadShortText {
  const cases = Array.from({ length: MAX_SHORT_BYTES }, (_, shorter) => {
    const codes = Array.from({ length: shorter + 1 }, (_none, i) => `c${String(i)}`);
    const read = codes.map((code, i) => `${code} = bytes[start + ${String(i)}]`);
    return `case ${String(codes.length)}: { const ${read.join()}; return (${codes.join(' | ')}) < 0x80 ? of(${codes.join()}) : undefined; }`;
  });
  const make = compileFunction(`return (bytes, start, length) => { switch (length) { case 0: return ''; ${cases.join('\n')} } };`, ['of']) as (of: typeof String.fromCharCode) => ReadShortText;
  return make(String.fromCharCode);
}

/** Keys come again and again: their texts are kept, and found by their bytes. So many of them, each in the one place that its bytes name. */
const PLACES = 8192;
const LONGEST_KEPT = 64;
let texts: (string | undefined)[] | null = null;

/**
 * The bytes as text, one character each (latin1). Mostly it is the text that was made when they came before: neither is one made, nor is it hashed anew by
 * whoever looks something up by it.
 */
export function keyTextOf(data: Buffer, from: number, end: number): string {
  const length = end - from;
  if (length > LONGEST_KEPT) return data.toString('latin1', from, end);
  texts ??= new Array<string | undefined>(PLACES).fill(undefined);
  let hash = length;
  for (let at = from; at < end; at++) hash = (Math.imul(hash, 31) + (data[at] as number)) | 0;
  const place = (hash ^ (hash >>> 13)) & (PLACES - 1);
  const former = texts[place];
  if (former !== undefined && isText(data, from, length, former)) return former;
  const text = data.toString('latin1', from, end);
  texts[place] = text;
  return text;
}

function isText(data: Buffer, from: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at++) if (data[from + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** A redrive's key names the burial that it answers, so that two operators who see the same dead letter write the same command. */
export function redriveKey(mainOffset: number, deadLetterOffset: number): string {
  return `redrive/${mainOffset}/${deadLetterOffset}`;
}

/** The burial that a redrive's key names: offsets in the main and the dead-letter topic; null where it names none. */
export function parseRedriveKey(key: string): { readonly origin: number; readonly burial: number } | null {
  const match = /^redrive\/(\d{1,15})\/(\d{1,15})$/.exec(key);
  return match === null ? null : { origin: Number(match[1]), burial: Number(match[2]) };
}

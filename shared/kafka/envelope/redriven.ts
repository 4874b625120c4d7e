import type { CarriedHeaders } from '../packedHeaders.ts';
import { headerNames } from './headerNames.ts';
import { readInteger, readText } from './readHeader.ts';

const NEVER = 'never';

/** The value of `mr_redriven`. @param burial offset in the dead-letter topic of the burial that the last redrive answered; -1: there was none */
export function formatRedriven(burial: number): string {
  return burial < 0 ? NEVER : String(burial);
}

/** As {@link formatRedriven} took it; null: the record does not say. */
export function readRedriven(headers: CarriedHeaders): number | null {
  return readText(headers, headerNames.redriven, 16) === NEVER ? -1 : readInteger(headers, headerNames.redriven);
}

import { makeFailure, type Failure } from '../../jobs/failure.ts';
import type { CarriedHeaders } from '../packedHeaders.ts';
import { readRaw } from './readHeader.ts';

const MAX_FAILURE_BYTES = 16_384;

/** As `mr_error` and `mr_first_error` say it: JSON `{code,name,message,at}`. */
export function formatFailure(failure: Failure): string {
  return JSON.stringify(makeFailure(failure));
}

/** Reads {@link formatFailure}'s text from a header; null for anything else. */
export function readFailure(headers: CarriedHeaders, name: string): Failure | null {
  const raw = readRaw(headers, name);
  if (raw === null || raw.length > MAX_FAILURE_BYTES) return null;
  try {
    const { code, name: errorName, message, at } = JSON.parse(raw.toString()) as Record<string, unknown>;
    if (typeof code !== 'string' || typeof errorName !== 'string' || typeof message !== 'string' || typeof at !== 'number') return null;
    return makeFailure({ code, name: errorName, message, at });
  } catch {
    return null; // no JSON, or JSON null
  }
}

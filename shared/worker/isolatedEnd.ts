import type { SandboxEnd } from '../isolation/sandbox.ts';
import { permanent } from '../jobs/permanentError.ts';

/**
 * The error of an attempt that failed in a sandbox, as policies and failure descriptions read it: name, code, message and the mark of
 * a permanent one are as they were thrown; its class and all else stayed behind.
 */
export function errorOfEnd(end: Exclude<SandboxEnd, { readonly type: 'answered' }>): unknown {
  if (end.type === 'died') return end.error;
  const { name, code, message } = end.failure;
  const error = Object.assign(new Error(message), { name, code });
  return end.permanent ? permanent(error) : error;
}

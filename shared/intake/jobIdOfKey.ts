import { createHash } from 'node:crypto';

/** All callers are this one where no header tells them apart. */
export const ONE_TENANT = 'default';

/**
 * The id of the job of an idempotency key: the same for the same tenant and key, whoever asks and whatever was lost. A UUID of version 8
 * (RFC 9562, §5.8) of their SHA-256.
 */
export function jobIdOfKey(tenant: string, key: string): string {
  const digest = createHash('sha256').update(JSON.stringify(['millrace.intake', tenant, key])).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return digest.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

import type { FastifyRequest } from 'fastify';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { isTraceparent } from '../../../shared/kafka/envelope.ts';
import type { Caller } from '../../../shared/intake/jobDoor.ts';
import { ONE_TENANT } from '../../../shared/intake/jobIdOfKey.ts';

/** Who asks, and under which key. @param tenantHeader null: there is one tenant. @throws MillraceError TENANT_MISSING, BAD_IDEMPOTENCY_KEY */
export function readCaller({ headers }: FastifyRequest, tenantHeader: string | null, bytes: number): Caller {
  const { traceparent, tracestate } = headers;
  const traced = typeof traceparent === 'string' && isTraceparent(traceparent);
  return {
    tenant: tenantHeader === null ? ONE_TENANT : readTenant(headers[tenantHeader], tenantHeader),
    idempotencyKey: headers['idempotency-key'] === undefined ? null : readKey(headers['idempotency-key']),
    ...(traced ? { traceparent, ...(typeof tracestate === 'string' && tracestate.length <= 512 ? { tracestate } : {}) } : {}),
    at: 'body',
    bytes,
  };
}

function readTenant(value: unknown, header: string): string {
  if (typeof value === 'string' && /^[A-Za-z0-9._-]{1,100}$/.test(value)) return value;
  const expected = 'up to 100 letters, digits, ".", "_", "-"';
  throw new MillraceError('TENANT_MISSING', { at: header, expected, got: value, fields: [{ field: `headers.${header}`, message: `expected ${expected}` }] });
}

function readKey(value: unknown): string {
  if (typeof value === 'string' && /^[!-~]{1,255}$/.test(value)) return value;
  const expected = '1 to 255 visible ASCII characters';
  throw new MillraceError('BAD_IDEMPOTENCY_KEY', { expected, got: value, fields: [{ field: 'headers.idempotency-key', message: `expected ${expected}` }] });
}

import { MillraceError } from '../errors/MillraceError.ts';
import type { LargePayloadOptions } from './largePayloads.ts';
import type { createS3Claims } from './s3Claims.ts';

/** The part of a process's settings that says where large payloads go (`claimKeys`). */
export interface ClaimConfig {
  readonly claimsFolder: string | null;
  readonly claimsBucket: string | null;
  readonly claimsPrefix: string | null;
  readonly claimsEndpoint: string | null;
  readonly claimsOver: number;
  readonly claimsMissingBound: number;
}

/** What the settings say; null: there is no place for large payloads. @throws MillraceError BAD_CONFIG, also when the S3 client is not installed */
export async function openClaims(config: ClaimConfig): Promise<LargePayloadOptions | null> {
  const { claimsFolder: folder, claimsBucket: bucket, claimsEndpoint: endpoint } = config;
  if (folder === null && bucket === null) return null;
  if (folder !== null && bucket !== null) throw new MillraceError('BAD_CONFIG', { at: 'MILLRACE_CLAIMS_BUCKET', expected: 'either a bucket or MILLRACE_CLAIMS_FOLDER', got: 'both' });
  const common = { overBytes: config.claimsOver, missingBound: `${config.claimsMissingBound}ms` } as const;
  if (bucket === null) return { folder: folder ?? '', ...common };
  const s3 = await importS3();
  return { store: s3.createS3Claims({ bucket, prefix: config.claimsPrefix ?? '', ...(endpoint === null ? {} : { client: { endpoint, forcePathStyle: true } }) }), ...common };
}

async function importS3(): Promise<{ readonly createS3Claims: typeof createS3Claims }> {
  try {
    return await import('./s3Claims.ts');
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause;
    throw new MillraceError('BAD_CONFIG', { at: 'MILLRACE_CLAIMS_BUCKET', expected: 'the package @aws-sdk/client-s3', got: 'none', fix: 'npm install @aws-sdk/client-s3', cause });
  }
}

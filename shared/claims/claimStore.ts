/**
 * Where payloads go that are too large for a Kafka record. Two are shipped: files (`fileClaims.ts`) and the S3 API (`s3Claims.ts`).
 * All methods may be called concurrently. Objects are never changed: one name, one content.
 */
export interface ClaimStore {
  /**
   * Resolves when the object would outlive a crash. Putting the same name again is no error: the content is the same.
   * @throws MillraceError CLAIM_STORE_UNAVAILABLE (try again), CLAIM_STORE_REFUSED
   */
  put(object: string, bytes: Buffer): Promise<void>;
  /**
   * The object's bytes; null when there is no such object.
   * @param mostBytes a larger object is not read
   * @throws MillraceError CLAIM_STORE_UNAVAILABLE, CLAIM_STORE_REFUSED, CLAIM_MISMATCH (larger than `mostBytes`)
   */
  get(object: string, mostBytes: number): Promise<Buffer | null>;
  /** Removes the objects of days that are over for longer than the given time. @returns how many */
  expire(olderThanMs: number): Promise<number>;
  close(): Promise<void>;
}

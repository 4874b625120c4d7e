import { kafkajsInternals } from '../internals.ts';
import type { MemberClaim, MemberShare } from './assignPartitions.ts';

/**
 * What members and leader tell each other inside Kafka's consumer protocol (version 0, so that every tool can show the group):
 * the subscription's and the assignment's user data are small JSON texts. Fields are only ever added; a reader takes the fields
 * it knows. Bytes that it cannot read count as no claim. A change that readers must not ignore gets a new protocol name.
 */
export const PROTOCOL_NAME = 'millrace-copartitioned';
const PROTOCOL_VERSION = 0;

/** What every member tells stays in the group's own records: as many characters at most. */
const MAX_KINDS_LENGTH = 16_384;

/** @param kinds that the member runs; it tells all or none */
export function encodeSubscription(topics: readonly string[], { owned, generation, retiring }: Omit<MemberClaim, 'memberId'>, kinds: readonly string[] | null = null): Buffer {
  const told = kinds !== null && JSON.stringify(kinds).length <= MAX_KINDS_LENGTH ? { kinds } : {};
  const userData = Buffer.from(JSON.stringify({ v: 1, owned, generation, ...(retiring ? { retiring } : {}), ...told }));
  return kafkajsInternals().MemberMetadata.encode({ version: PROTOCOL_VERSION, topics: [...topics], userData });
}

export function decodeSubscription(memberId: string, metadata: Buffer): { readonly topics: readonly string[]; readonly claim: MemberClaim; readonly kinds: readonly string[] | null } {
  let topics: string[] = [];
  let said: Record<string, unknown> = {};
  try {
    const decoded = kafkajsInternals().MemberMetadata.decode(metadata);
    topics = decoded.topics;
    said = parseObject(decoded.userData);
  } catch {
    // Not the consumer protocol: a member without topics gets nothing.
  }
  const generation = Number.isSafeInteger(said['generation']) ? (said['generation'] as number) : -1;
  return { topics, claim: { memberId, owned: partitionNumbers(said['owned']), generation, retiring: said['retiring'] === true }, kinds: texts(said['kinds']) };
}

/** The share of one member, for each topic that it subscribes to. */
export function encodeAssignment(topics: readonly string[], share: MemberShare): Buffer {
  const assignment = Object.fromEntries(topics.map((topic) => [topic, [...share.partitions]]));
  const userData = Buffer.from(JSON.stringify({ v: 1, partitions: share.partitions, voided: share.voided }));
  return kafkajsInternals().MemberAssignment.encode({ version: PROTOCOL_VERSION, assignment, userData });
}

/** Nobody's share (no assignment, or one that cannot be read) is empty. */
export function decodeAssignment(bytes: Buffer | null): MemberShare {
  if (bytes === null || bytes.length === 0) return { partitions: [], voided: [] };
  try {
    const said = parseObject(kafkajsInternals().MemberAssignment.decode(bytes)?.userData ?? null);
    return { partitions: partitionNumbers(said['partitions']), voided: partitionNumbers(said['voided']) };
  } catch {
    return { partitions: [], voided: [] };
  }
}

function parseObject(bytes: Buffer | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function texts(value: unknown): string[] | null {
  return Array.isArray(value) && value.every((one): one is string => typeof one === 'string') ? value : null;
}

function partitionNumbers(value: unknown): number[] {
  if (!Array.isArray(value)) return [];
  return [...new Set(value.filter((one): one is number => Number.isSafeInteger(one) && (one as number) >= 0))].sort((a, b) => a - b);
}

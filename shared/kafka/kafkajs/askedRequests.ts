import { kafkajsInternals, type ApiVersions } from './internals.ts';

/** All that the driver asks of brokers; with a version where it writes or reads the request itself, else in any that KafkaJS knows. */
const asked: Readonly<Record<string, number | null>> = {
  Produce: 7, Fetch: 11, InitProducerId: null, ListOffsets: null, Metadata: null,
  GroupCoordinator: null, JoinGroup: null, SyncGroup: null, Heartbeat: null, LeaveGroup: null, OffsetCommit: null, OffsetFetch: null, DescribeGroups: null,
  CreateTopics: null, DeleteTopics: null, CreatePartitions: null, DescribeConfigs: null, AlterConfigs: null,
};

/** The requests of ours that a broker does not take, each with the versions that we speak and those that it does. */
export function unspokenRequests(speaks: ApiVersions): string[] {
  const { requests, apiKeys } = kafkajsInternals();
  return Object.entries(asked).flatMap(([name, version]) => {
    const ours = version === null ? (requests[name]?.versions ?? []).map(Number) : [version];
    const theirs = speaks[apiKeys[name] ?? -1];
    if (theirs !== undefined && ours.some((one) => one >= theirs.minVersion && one <= theirs.maxVersion)) return [];
    return [`${name} ${rangeOf(ours)} (it takes ${theirs === undefined ? 'none' : rangeOf([theirs.minVersion, theirs.maxVersion])})`];
  });
}

function rangeOf(versions: readonly number[]): string {
  const [first, last] = [Math.min(...versions), Math.max(...versions)];
  return first === last ? `v${first}` : `v${first} to v${last}`;
}

/** Replies as KafkaJS's protocol layer decodes them (64-bit numbers as decimal text). */

export interface MetadataReply {
  readonly brokers: readonly { nodeId: number; host: string; port: number }[];
  readonly controllerId: number;
  readonly topicMetadata: readonly {
    topicErrorCode: number;
    topic: string;
    partitionMetadata: readonly { partitionErrorCode: number; partitionId: number; leader: number; replicas: number[] }[];
  }[];
}

export interface ErrorReply { readonly errorCode: number }

export interface FindCoordinatorReply extends ErrorReply {
  readonly coordinator: { nodeId: number; host: string; port: number };
}

export interface JoinGroupReply extends ErrorReply {
  readonly generationId: number;
  readonly groupProtocol: string;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { memberId: string; memberMetadata: Buffer }[];
}

export interface SyncGroupReply extends ErrorReply { readonly memberAssignment: Buffer }

export interface OffsetCommitReply {
  readonly responses: readonly { topic: string; partitions: readonly { partition: number; errorCode: number }[] }[];
}

export interface OffsetFetchReply extends ErrorReply {
  readonly responses: readonly { topic: string; partitions: readonly { partition: number; offset: string; metadata: string | null; errorCode: number }[] }[];
}

export interface ListOffsetsReply {
  readonly responses: readonly { topic: string; partitions: readonly { partition: number; errorCode: number; offset: string }[] }[];
}

export interface InitProducerIdReply extends ErrorReply { readonly producerId: string; readonly producerEpoch: number }

export interface TopicErrorsReply {
  readonly topicErrors: readonly { topic: string; errorCode: number; errorMessage?: string | null }[];
}

export interface DescribeConfigsReply {
  readonly resources: readonly { errorCode: number; resourceName: string; configEntries: readonly { configName: string; configValue: string | null; configSource: number }[] }[];
}

export interface AlterConfigsReply {
  readonly resources: readonly { errorCode: number; errorMessage?: string | null; resourceName: string }[];
}

export interface DescribeGroupsReply {
  readonly groups: readonly { errorCode: number; members: readonly { clientId: string; memberMetadata: Buffer | null; memberAssignment: Buffer | null }[] }[];
}

// Written by `npm run schemas:generate` from the .avsc files beside it. Do not edit.
import type { AvroSchema, PayloadSchema } from '../payloadSchema.ts';

export interface JobEventErrorV1 {
  readonly code: string;
  readonly message: string;
}

export interface JobEventDetailV1 {
  /** Why it waits or is buried. */
  readonly reason: string | null;
  /** Epoch ms until which it waits, where known. */
  readonly dueMs: number | null;
  readonly error: JobEventErrorV1 | null;
}

/** A reader that does not know a newer type reads it as `other`. */
export type JobEventTypeV1 = 'other' | 'started' | 'done' | 'waiting' | 'buried' | 'redriven' | 'discarded';

export interface JobEventV1 {
  readonly type: JobEventTypeV1;
  /** Job id. */
  readonly id: string;
  /** Index in kinds. */
  readonly kind: number;
  /** The entity key's bytes. */
  readonly key: Buffer | null;
  /** Of the job's record in the main topic. */
  readonly offset: number;
  /** Attempts made so far, this one included. */
  readonly attempt: number;
  /** When it happened: ms after startMs. */
  readonly afterMs: number;
  /** Null for most: a job that simply started or is done has none. */
  readonly detail: JobEventDetailV1 | null;
}

/** What happened to the jobs of one partition of a queue since the last flush: one record of <queue>.events. */
export interface JobEventsV1 {
  readonly queue: string;
  /** The partition number that the jobs came from; this record is in the same. */
  readonly partition: number;
  /** Id of the worker that owns the partition. */
  readonly worker: string;
  /** The worker's lease epoch: events of a lower epoch than one already seen are a zombie's. */
  readonly epoch: number;
  /** Epoch ms that the events' times count from. */
  readonly startMs: number;
  /** The kinds that occur, each once; events name them by index. */
  readonly kinds: readonly string[];
  /** In the order in which they happened. */
  readonly events: readonly JobEventV1[];
}

export interface JobEventErrorV2 {
  readonly code: string;
  readonly message: string;
}

export interface JobEventDetailV2 {
  /** Why it waits or is buried. */
  readonly reason: string | null;
  /** Epoch ms until which it waits, where known. */
  readonly dueMs: number | null;
  readonly error: JobEventErrorV2 | null;
  /** 0 to 1, of a running attempt. */
  readonly progress: number | null;
  /** Words for people: what the attempt is at. */
  readonly note: string | null;
  /** What a done job gave back: JSON of at most 4,096 bytes. {"$claim":"<reference>"}: it lies there. */
  readonly result: string | null;
}

/** A reader that does not know a newer type reads it as `other`. */
export type JobEventTypeV2 = 'other' | 'started' | 'done' | 'waiting' | 'buried' | 'redriven' | 'discarded' | 'cancelled' | 'progress' | 'duplicate';

export interface JobEventV2 {
  readonly type: JobEventTypeV2;
  /** Job id. */
  readonly id: string;
  /** Index in kinds. */
  readonly kind: number;
  /** The entity key's bytes. */
  readonly key: Buffer | null;
  /** Of the job's record in the main topic. */
  readonly offset: number;
  /** Attempts made so far, this one included. */
  readonly attempt: number;
  /** When it happened: ms after startMs. */
  readonly afterMs: number;
  /** Null for most: a job that simply started or is done has none. */
  readonly detail: JobEventDetailV2 | null;
}

/** What happened to the jobs of one partition of a queue since the last flush: one record of <queue>.events. */
export interface JobEventsV2 {
  readonly queue: string;
  /** The partition number that the jobs came from; this record is in the same. */
  readonly partition: number;
  /** Id of the worker that owns the partition. */
  readonly worker: string;
  /** The worker's lease epoch: events of a lower epoch than one already seen are a zombie's. */
  readonly epoch: number;
  /** Epoch ms that the events' times count from. */
  readonly startMs: number;
  /** The kinds that occur, each once; events name them by index. */
  readonly kinds: readonly string[];
  /** In the order in which they happened. */
  readonly events: readonly JobEventV2[];
}

const schemaV1: AvroSchema = {"type":"record","name":"JobEvents","namespace":"millrace","doc":"What happened to the jobs of one partition of a queue since the last flush: one record of <queue>.events.","fields":[{"name":"queue","type":"string"},{"name":"partition","type":"int","doc":"The partition number that the jobs came from; this record is in the same."},{"name":"worker","type":"string","doc":"Id of the worker that owns the partition."},{"name":"epoch","type":"long","doc":"The worker's lease epoch: events of a lower epoch than one already seen are a zombie's."},{"name":"startMs","type":"long","doc":"Epoch ms that the events' times count from."},{"name":"kinds","type":{"type":"array","items":"string"},"doc":"The kinds that occur, each once; events name them by index."},{"name":"events","doc":"In the order in which they happened.","type":{"type":"array","items":{"type":"record","name":"JobEvent","fields":[{"name":"type","type":{"type":"enum","name":"JobEventType","doc":"A reader that does not know a newer type reads it as `other`.","symbols":["other","started","done","waiting","buried","redriven","discarded"],"default":"other"}},{"name":"id","type":"string","doc":"Job id."},{"name":"kind","type":"int","doc":"Index in kinds."},{"name":"key","type":["null","bytes"],"doc":"The entity key's bytes."},{"name":"offset","type":"long","doc":"Of the job's record in the main topic."},{"name":"attempt","type":"int","doc":"Attempts made so far, this one included."},{"name":"afterMs","type":"int","doc":"When it happened: ms after startMs."},{"name":"detail","doc":"Null for most: a job that simply started or is done has none.","type":["null",{"type":"record","name":"JobEventDetail","fields":[{"name":"reason","type":["null","string"],"doc":"Why it waits or is buried."},{"name":"dueMs","type":["null","long"],"doc":"Epoch ms until which it waits, where known."},{"name":"error","type":["null",{"type":"record","name":"JobEventError","fields":[{"name":"code","type":"string"},{"name":"message","type":"string"}]}]}]}]}]}}}]};
const schemaV2: AvroSchema = {"type":"record","name":"JobEvents","namespace":"millrace","doc":"What happened to the jobs of one partition of a queue since the last flush: one record of <queue>.events.","fields":[{"name":"queue","type":"string"},{"name":"partition","type":"int","doc":"The partition number that the jobs came from; this record is in the same."},{"name":"worker","type":"string","doc":"Id of the worker that owns the partition."},{"name":"epoch","type":"long","doc":"The worker's lease epoch: events of a lower epoch than one already seen are a zombie's."},{"name":"startMs","type":"long","doc":"Epoch ms that the events' times count from."},{"name":"kinds","type":{"type":"array","items":"string"},"doc":"The kinds that occur, each once; events name them by index."},{"name":"events","doc":"In the order in which they happened.","type":{"type":"array","items":{"type":"record","name":"JobEvent","fields":[{"name":"type","type":{"type":"enum","name":"JobEventType","doc":"A reader that does not know a newer type reads it as `other`.","symbols":["other","started","done","waiting","buried","redriven","discarded","cancelled","progress","duplicate"],"default":"other"}},{"name":"id","type":"string","doc":"Job id."},{"name":"kind","type":"int","doc":"Index in kinds."},{"name":"key","type":["null","bytes"],"doc":"The entity key's bytes."},{"name":"offset","type":"long","doc":"Of the job's record in the main topic."},{"name":"attempt","type":"int","doc":"Attempts made so far, this one included."},{"name":"afterMs","type":"int","doc":"When it happened: ms after startMs."},{"name":"detail","doc":"Null for most: a job that simply started or is done has none.","type":["null",{"type":"record","name":"JobEventDetail","fields":[{"name":"reason","type":["null","string"],"doc":"Why it waits or is buried."},{"name":"dueMs","type":["null","long"],"doc":"Epoch ms until which it waits, where known."},{"name":"error","type":["null",{"type":"record","name":"JobEventError","fields":[{"name":"code","type":"string"},{"name":"message","type":"string"}]}]},{"name":"progress","type":["null","double"],"default":null,"doc":"0 to 1, of a running attempt."},{"name":"note","type":["null","string"],"default":null,"doc":"Words for people: what the attempt is at."},{"name":"result","type":["null","string"],"default":null,"doc":"What a done job gave back: JSON of at most 4,096 bytes. {\"$claim\":\"<reference>\"}: it lies there."}]}]}]}}}]};
const versions: readonly AvroSchema[] = [schemaV1, schemaV2];

export const jobEventsV1: PayloadSchema<JobEventsV1> = { subject: 'millrace.JobEvents', version: 1, versions };
export const jobEventsV2: PayloadSchema<JobEventsV2> = { subject: 'millrace.JobEvents', version: 2, versions };

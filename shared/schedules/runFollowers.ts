import type { Codec } from '../avro/codec.ts';
import type { Broker } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { createRunFollower, type RunFollower, type RunNews } from './followRuns.ts';

/** Partitions whose events are wanted, by queue, each with the offset from which on. */
export type WantedEvents = ReadonlyMap<string, ReadonlyMap<number, number>>;

export interface RunFollowersOptions {
  readonly broker: Broker;
  readonly codec: Pick<Codec, 'knows' | 'load' | 'decode'>;
  readonly clock: Clock;
  readonly createId: () => string;
  readonly concerns: (jobId: string) => boolean;
  readonly heard: (news: RunNews) => void;
  readonly gone: (queue: string, partition: number, startOffset: number) => void;
  readonly trouble: (error: unknown) => void;
}

/** Follows the events of the partitions where the end of a run is awaited, and no others. */
export interface RunFollowers {
  follow(wanted: WantedEvents): void;
  /** Everything before has been told; null: it is not followed. */
  position(queue: string, partition: number): number | null;
  stop(): Promise<void>;
}

export function createRunFollowers({ createId, gone, ...options }: RunFollowersOptions): RunFollowers {
  const followers = new Map<string, { readonly follower: RunFollower; followed: ReadonlyMap<number, number> }>();

  const followerOf = (queue: string) => {
    let known = followers.get(queue);
    if (known === undefined) {
      const follower = createRunFollower({ ...options, queue, group: `millrace.scheduler.${createId()}`, gone: (partition, startOffset) => { gone(queue, partition, startOffset); } });
      followers.set(queue, (known = { follower, followed: new Map() }));
    }
    return known;
  };

  return {
    follow(wanted) {
      for (const [queue, partitions] of wanted) {
        const known = followerOf(queue);
        for (const [partition, from] of partitions) if (known.follower.position(partition) === null) known.follower.follow(partition, from);
      }
      for (const [queue, known] of followers) {
        const partitions = wanted.get(queue) ?? new Map<number, number>();
        for (const partition of known.followed.keys()) if (!partitions.has(partition)) known.follower.unfollow(partition);
        known.followed = partitions;
      }
    },
    position: (queue, partition) => followers.get(queue)?.follower.position(partition) ?? null,
    async stop() { await Promise.allSettled([...followers.values()].map(({ follower }) => follower.stop())); },
  };
}

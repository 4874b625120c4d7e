import { MillraceError } from '../../errors/MillraceError.ts';
import type { PartitionCommit } from '../port.ts';
import type { Group, Ownership } from './group.ts';
import type { Liveness } from './liveness.ts';
import { createWire } from './wire.ts';
import type { World } from './world.ts';

const MAX_METADATA_BYTES = 4096;

export interface Committer {
  commit(memberId: string | null, commits: readonly PartitionCommit[], ownerships: readonly (Ownership | undefined)[]): Promise<void>;
}

/** Carries commits to the coordinator, in order; each is bound to the generation and ownership in which it was made. */
export function createCommitter({ world, liveness, clientId, groupName, group }: {
  readonly world: World; readonly liveness: Liveness; readonly clientId: string; readonly groupName: string; readonly group: Group;
}): Committer {
  const wire = createWire(world.clock);
  world.onHooksChanged(() => { wire.retry(); });

  return {
    async commit(memberId, commits, ownerships) {
      if (memberId === null || ownerships.includes(undefined)) throw new MillraceError('BROKER_FENCED', { at: `group ${groupName}, client ${clientId}` });
      const tooLong = commits.flatMap(({ positions }) => positions).find(({ metadata }) => Buffer.byteLength(metadata) > MAX_METADATA_BYTES);
      if (tooLong !== undefined) throw new MillraceError('BROKER_REFUSED', { at: tooLong.topic, expected: `at most ${MAX_METADATA_BYTES} bytes of metadata`, got: Buffer.byteLength(tooLong.metadata) });
      const generation = group.generation();
      const request = { clientId, group: groupName, commits: commits.map((one) => ({ partition: one.partition, positions: one.positions.map((position) => ({ ...position })) })) };
      await new Promise<void>((resolve, reject) => {
        const answer = (error?: Error): void => {
          if (liveness.state() === 'disconnected') reject(unavailable());
          else liveness.fromBroker(() => { if (error === undefined) resolve(); else reject(error); });
        };
        const store = (): void => { group.commit(memberId, generation, ownerships as Ownership[], request.commits); };
        let asked = false;
        const arrive = () => {
          const decision = asked ? undefined : world.commitHooks.decide(request);
          if (decision?.type === 'stall') return 'stall';
          if (decision?.type === 'hold') {
            asked = true;
            return { holdMs: decision.forMs };
          }
          try {
            if (decision?.type === 'refuse') answer(new MillraceError(decision.code, { at: `group ${groupName}` }));
            else {
              store();
              answer(decision?.type === 'lose-ack' ? unavailable() : undefined);
            }
          } catch (error) { answer(error as Error); }
          return 'handled';
        };
        liveness.inProcess(() => {
          if (liveness.state() === 'disconnected') world.clock.after(world.latencyMs('commit'), () => { liveness.inProcess(() => { reject(unavailable()); }); });
          else wire.send(world.latencyMs('commit'), arrive);
        });
      });
    },
  };

  function unavailable(): MillraceError { return new MillraceError('BROKER_UNAVAILABLE', { at: `group ${groupName}` }); }
}

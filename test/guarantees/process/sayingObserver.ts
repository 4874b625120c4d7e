import type { QueueObserver } from '../../../shared/worker/observer.ts';
import type { Said } from './workerParameters.ts';

/** Tells a worker process's parent what its observer hears. */
export function createSayingObserver(say: (said: Said) => void): QueueObserver {
  return {
    attemptEnded: () => undefined,
    buried: (buried, reason) => { say({ type: 'buried', id: buried.id, reason }); },
    attemptAbandoned: (abandoned) => { say({ type: 'trouble', message: `abandoned ${abandoned.id}` }); },
    notice(partition, notice) {
      if (notice.type === 'active') say({ type: 'active', partition, epoch: notice.epoch, waiting: notice.waiting });
      else if (notice.type === 'publish-refused') say({ type: 'publish-refused', partition, stream: notice.stream, code: notice.code });
      else say({ type: 'noticed', partition, notice: notice.type });
    },
    commitFailed: (code) => { say({ type: 'commit-failed', code }); },
    schemaUnavailable: (schemaId) => { say({ type: 'trouble', message: `schema ${schemaId} unavailable` }); },
    partitionsAssigned: (partitions) => { say({ type: 'assigned', partitions }); },
    partitionsLost: (partitions) => { say({ type: 'lost', partitions }); },
    trouble: (error) => { say({ type: 'trouble', message: error.message }); },
  };
}

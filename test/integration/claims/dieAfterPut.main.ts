/** An application that is killed when its large payload lies in the store, and its job is not sent yet. */
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createFileClaims } from '../../../shared/claims/fileClaims.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createMillrace } from '../../../shared/millrace.ts';
import { sampleJob } from '../../unit/worker/sampleJob.ts';

const [brokers = '', registryUrl = '', queue = '', folder = ''] = process.argv.slice(2);
const files = createFileClaims({ folder });
const store = {
  ...files,
  async put(object: string, bytes: Buffer): Promise<void> {
    await files.put(object, bytes);
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => undefined);
  },
};
const millrace = createMillrace({ brokers, registryUrl, topics: { partitions: 1, replicationFactor: 1 }, largePayloads: { store } });
const job = defineJob({ kind: 'large.do', queue, schema: jobV1, key: ({ customer }) => customer, handle: () => undefined });
await millrace.enqueue(job, sampleJob(1, 'x'.repeat(500_000)));

import type { AvroSchema, PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';

/** The same shape under an id that no worker has seen: the nth schema of a run. The 0th is the one that workers are built with. */
export function nextSchema(run: string, nth: number): PayloadSchema<JobV1> {
  if (nth === 0) return jobV1;
  const shape = jobV1.versions[0] as { readonly type: unknown };
  const schema: AvroSchema = { ...shape, doc: `${run}, ${nth}` };
  return { ...jobV1, versions: [schema] };
}

import { createCodec } from '../../../shared/avro/codec.ts';
import { createRegistry } from '../../../shared/avro/registry.ts';
import { createClient, type Client } from '../../../shared/client/client.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineStep, stepPayload } from '../../guarantees/process/stepJob.ts';
import type { Workload } from '../../guarantees/process/workload.ts';
import { chaosKinds, isBatchEntity } from '../chaosKinds.ts';
import type { Dice } from '../fault.ts';
import { nextSchema } from './nextSchema.ts';

const TURN_MS = 50;

export interface LoadOptions {
  /** Where clients connect. */
  readonly brokers: string;
  readonly registryUrl: string;
  readonly workload: Workload;
  readonly entities: readonly string[];
  readonly jobsPerSecond: number;
  /** How often the producer comes with a schema that nobody has seen. */
  readonly newSchemaEveryMs: number;
  readonly dice: Dice;
}

/** A job that was handed to the client. `accepted`: Kafka acked it. `unknown`: nobody can say whether it exists. `refused`: it does not. */
export type Handed =
  | { readonly state: 'under way' | 'unknown' }
  | { readonly state: 'accepted'; readonly partition: number; readonly offset: number; readonly atMs: number }
  | { readonly state: 'refused'; readonly code: string };

/** Open-loop load: so many jobs a second, whatever becomes of them. A job's id names its entity and its number there: `entity-7#12`. */
export class Load {
  /** By job id. */
  readonly handed = new Map<string, Handed>();
  readonly #options: LoadOptions;
  readonly #client: Client;
  readonly #underWay = new Set<Promise<void>>();
  readonly #sequences = new Map<string, number>();
  #jobs: { readonly single: JobDefinition<string, JobV1>; readonly batch: JobDefinition<string, JobV1> };
  #schemas = 0;
  #startMs = 0;
  #owed = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#client = createClient({
      broker: createKafkajsBroker({ brokers: options.brokers.split(',') }),
      codec: createCodec({ registry: createRegistry({ url: options.registryUrl }), clock: systemClock }),
      source: '/chaos', clientId: 'chaos-load', deliveryTimeout: '30s',
    });
    this.#jobs = this.#define();
  }

  get acceptedCount(): number {
    let count = 0;
    for (const { state } of this.handed.values()) if (state === 'accepted') count++;
    return count;
  }

  start(): void {
    this.#startMs = performance.now();
    let schemaMs = this.#startMs;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      if (nowMs - schemaMs > this.#options.newSchemaEveryMs) {
        schemaMs = nowMs;
        this.#schemas++;
        this.#jobs = this.#define();
      }
      for (const due = (nowMs - this.#startMs) / 1000 * this.#options.jobsPerSecond; this.#owed < due; this.#owed++) this.#enqueue();
    }, TURN_MS);
  }

  /** Enqueues no more; resolves when the fate of all is known, as far as it will be. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    await this.#client.close();
  }

  #enqueue(): void {
    const { entities, dice } = this.#options;
    const entity = dice.pick(entities);
    const sequence = (this.#sequences.get(entity) ?? 0) + 1;
    this.#sequences.set(entity, sequence);
    const id = `${entity}#${sequence}`;
    this.handed.set(id, { state: 'under way' });
    const job = isBatchEntity(entity) ? this.#jobs.batch : this.#jobs.single;
    const sent = this.#client.enqueue(job, stepPayload(entity, sequence), { id }).then(
      ({ partition, offset }) => { this.handed.set(id, { state: 'accepted', partition, offset, atMs: Date.now() }); },
      (error: unknown) => {
        // What may be tried again may have arrived.
        const refused = isMillraceError(error) && !error.retriable;
        this.handed.set(id, refused ? { state: 'refused', code: error.code } : { state: 'unknown' });
      },
    ).finally(() => { this.#underWay.delete(sent); });
    this.#underWay.add(sent);
  }

  #define(): { readonly single: JobDefinition<string, JobV1>; readonly batch: JobDefinition<string, JobV1> } {
    const [single, batch] = chaosKinds(this.#options.workload).map((kind) => ({
      ...defineStep(kind, { worker: 'load', write: () => undefined, isMended: () => false, nowMs: () => 0 }),
      schema: nextSchema(this.#options.workload.queue, this.#schemas),
    })) as [JobDefinition<string, JobV1>, JobDefinition<string, JobV1>];
    return { single, batch };
  }
}

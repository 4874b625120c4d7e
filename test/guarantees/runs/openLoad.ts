import type { PayloadSchema } from '../../../schemas/payloadSchema.ts';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { Scene, Step } from '../scene.ts';

const TURN_MS = 50;

/** A producer that does not wait for the workers: so many jobs a second fall due, whatever becomes of them. */
export class OpenLoad {
  readonly #scene: Scene;
  readonly #entities: readonly string[];
  readonly #perSecond: number;
  readonly #special: Step[] = [];
  #fallen = 0;
  #schema: PayloadSchema<JobV1> | null = null;
  #stopped = false;
  #failure: Error | null = null;
  #running: Promise<void> | null = null;

  constructor(scene: Scene, entities: readonly string[], perSecond: number) {
    this.#scene = scene;
    this.#entities = entities;
    this.#perSecond = perSecond;
  }

  start(): void {
    this.#running ??= this.#run().catch((error: unknown) => { this.#failure = error as Error; });
  }

  /** The next job that falls due is written with this schema. */
  writeNextAs(schema: PayloadSchema<JobV1>): void {
    this.#schema = schema;
  }

  /** Those that {@link writeNextAs} was said of. */
  get special(): readonly Step[] {
    return this.#special;
  }

  /** Waits until Kafka has all that fell due. @throws what an enqueue was refused with */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.check();
  }

  /** @throws what an enqueue was refused with */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async #run(): Promise<void> {
    const startedMs = performance.now();
    while (!this.#stopped) {
      const due = Math.floor((this.#perSecond * (performance.now() - startedMs)) / 1000);
      const steps: Step[] = [];
      for (; this.#fallen < due; this.#fallen++) steps.push(this.#step(this.#fallen));
      const schema = this.#schema;
      if (schema !== null && steps.length > 0) {
        this.#schema = null;
        const first = steps.shift() as Step;
        this.#special.push(first);
        await this.#scene.enqueueSteps([first], schema);
      }
      // Awaited, so that what falls due later does not overtake it on its way to Kafka.
      if (steps.length > 0) await this.#scene.enqueueSteps(steps);
      await new Promise((resolve) => { setTimeout(resolve, TURN_MS); });
    }
  }

  #step(index: number): Step {
    const entity = this.#entities[index % this.#entities.length] as string;
    return { entity, sequence: 1 + Math.floor(index / this.#entities.length) };
  }
}

import type { Codec } from '../avro/codec.ts';
import type { Admin, Broker, Producer } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SchedulerObserver } from './schedulerObserver.ts';

/** What the active scheduler works with. */
export interface SchedulerTools {
  readonly broker: Broker;
  readonly admin: Admin;
  /** Started. */
  readonly producer: Producer;
  readonly codec: Pick<Codec, 'knows' | 'load' | 'decode'>;
  /** Wall time that does not step. */
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: SchedulerObserver;
  readonly createId: () => string;
}

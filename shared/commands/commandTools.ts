import { randomUUID } from 'node:crypto';
import type { Admin, Broker, Producer } from '../kafka/port.ts';

/** What operators' commands are read and written with. The producer must be started. */
export interface CommandTools {
  readonly broker: Broker;
  readonly admin: Admin;
  readonly producer: Producer;
  /** Makes what tells commands and scans apart. Default: random UUIDs. */
  readonly createId?: () => string;
}

export function createCommandId({ createId = randomUUID }: CommandTools): string {
  return createId();
}

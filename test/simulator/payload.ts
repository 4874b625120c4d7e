import type { PayloadSchema } from '../../schemas/payloadSchema.ts';

/** What a simulated job carries: its number in the plan. */
export interface SerialV1 {
  readonly serial: number;
  readonly entity: string;
}

export interface SerialV2 extends SerialV1 {
  readonly note: string;
}

const fields = [{ name: 'serial', type: 'int' }, { name: 'entity', type: 'string' }];
const v1 = { type: 'record', name: 'sim.Serial', fields };
const v2 = { type: 'record', name: 'sim.Serial', fields: [...fields, { name: 'note', type: 'string', default: '' }] };

/** As all workers know it. */
export const serialV1: PayloadSchema<SerialV1> = { subject: 'sim.Serial', version: 1, versions: [v1] };
/** As only a newer producer knows it. */
export const serialV2: PayloadSchema<SerialV2> = { subject: 'sim.Serial', version: 2, versions: [v1, v2] };

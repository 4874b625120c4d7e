// Written by `npm run schemas:generate` from the .avsc files beside it. Do not edit.
import type { AvroSchema, PayloadSchema } from '../payloadSchema.ts';

export interface LineV1 {
  readonly sku: string;
  readonly quantity: number;
  readonly price: number;
}

export type CurrencyV1 = 'EUR' | 'USD' | 'GBP' | 'JPY';

/** What the benchmarks move: about 240 bytes framed, with the mix of types that a real order has. */
export interface JobV1 {
  readonly orderId: string;
  readonly customer: string;
  readonly email: string;
  readonly city: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly sequence: number;
  readonly amount: number;
  readonly currency: CurrencyV1;
  readonly priority: number;
  readonly express: boolean;
  readonly note: string | null;
  readonly lines: readonly LineV1[];
  readonly tags: readonly string[];
}

const schemaV1: AvroSchema = {"type":"record","name":"Job","namespace":"bench","doc":"What the benchmarks move: about 240 bytes framed, with the mix of types that a real order has.","fields":[{"name":"orderId","type":"string"},{"name":"customer","type":"string"},{"name":"email","type":"string"},{"name":"city","type":"string"},{"name":"createdAt","type":"long","doc":"Epoch ms."},{"name":"sequence","type":"long"},{"name":"amount","type":"double"},{"name":"currency","type":{"type":"enum","name":"Currency","symbols":["EUR","USD","GBP","JPY"]}},{"name":"priority","type":"int"},{"name":"express","type":"boolean"},{"name":"note","type":["null","string"],"default":null},{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"sku","type":"string"},{"name":"quantity","type":"int"},{"name":"price","type":"double"}]}}},{"name":"tags","type":{"type":"array","items":"string"}}]};
const versions: readonly AvroSchema[] = [schemaV1];

export const jobV1: PayloadSchema<JobV1> = { subject: 'bench.Job', version: 1, versions };

// Written by `npm run schemas:generate` from the .avsc files beside it. Do not edit.
import type { AvroSchema, PayloadSchema } from '../payloadSchema.ts';

/** A POST that is to be made to a subscriber. Address and secret are looked up when it is made. */
export interface WebhookV1 {
  /** Id of the subscription. */
  readonly subscription: string;
  /** What is posted: JSON, the same at every try. */
  readonly body: string;
}

const schemaV1: AvroSchema = {"type":"record","name":"Webhook","namespace":"millrace","doc":"A POST that is to be made to a subscriber. Address and secret are looked up when it is made.","fields":[{"name":"subscription","type":"string","doc":"Id of the subscription."},{"name":"body","type":"string","doc":"What is posted: JSON, the same at every try."}]};
const versions: readonly AvroSchema[] = [schemaV1];

export const webhookV1: PayloadSchema<WebhookV1> = { subject: 'millrace.Webhook', version: 1, versions };

// Written by `npm run schemas:generate` from the .avsc files beside it. Do not edit.
import type { AvroSchema, PayloadSchema } from '../payloadSchema.ts';

/** One flight that left: a row of the flights data in vega-datasets. */
export interface DepartureV1 {
  /** Local time of departure as the data set has it: 2001/01/01 06:55. */
  readonly date: string;
  /** Minutes late; negative is early. */
  readonly delay: number;
  /** Miles. */
  readonly distance: number;
  /** IATA airport code. */
  readonly origin: string;
  /** IATA airport code. */
  readonly destination: string;
}

/** One flight that left: a row of the flights data in vega-datasets. */
export interface DepartureV2 {
  /** Local time of departure as the data set has it: 2001/01/01 06:55. */
  readonly date: string;
  /** Minutes late; negative is early. */
  readonly delay: number;
  /** Miles. */
  readonly distance: number;
  /** IATA airport code. */
  readonly origin: string;
  /** IATA airport code. */
  readonly destination: string;
  /** Place among the departures of its origin, from 0; -1 where it is not known. */
  readonly sequence: number;
}

const schemaV1: AvroSchema = {"type":"record","name":"Departure","namespace":"flights","doc":"One flight that left: a row of the flights data in vega-datasets.","fields":[{"name":"date","type":"string","doc":"Local time of departure as the data set has it: 2001/01/01 06:55."},{"name":"delay","type":"int","doc":"Minutes late; negative is early."},{"name":"distance","type":"int","doc":"Miles."},{"name":"origin","type":"string","doc":"IATA airport code."},{"name":"destination","type":"string","doc":"IATA airport code."}]};
const schemaV2: AvroSchema = {"type":"record","name":"Departure","namespace":"flights","doc":"One flight that left: a row of the flights data in vega-datasets.","fields":[{"name":"date","type":"string","doc":"Local time of departure as the data set has it: 2001/01/01 06:55."},{"name":"delay","type":"int","doc":"Minutes late; negative is early."},{"name":"distance","type":"int","doc":"Miles."},{"name":"origin","type":"string","doc":"IATA airport code."},{"name":"destination","type":"string","doc":"IATA airport code."},{"name":"sequence","type":"int","default":-1,"doc":"Place among the departures of its origin, from 0; -1 where it is not known."}]};
const versions: readonly AvroSchema[] = [schemaV1, schemaV2];

export const departureV1: PayloadSchema<DepartureV1> = { subject: 'flights.Departure', version: 1, versions };
export const departureV2: PayloadSchema<DepartureV2> = { subject: 'flights.Departure', version: 2, versions };

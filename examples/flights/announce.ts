import { departureV2, type DepartureV2 } from '../../schemas/flights.Departure/payload.generated.ts';
import type { Migration } from '../../shared/database/migrate.ts';
import { defineJob, done, type JobDefinition } from '../../shared/index.ts';

export const ANNOUNCEMENTS = 'example-announcements';

/** The example's own table. */
export const announcementMigrations: readonly Migration[] = [
  { name: 'announcements', sql: 'create table announcements (number bigint generated always as identity primary key, airport text not null, text text not null)' },
];

/** Announces a departure: each job has its announcement, and its number, once, however often it runs. */
export function defineAnnounceDeparture(queue: string): JobDefinition<'flight.announce', DepartureV2> {
  return defineJob({
    kind: 'flight.announce',
    queue,
    schema: departureV2,
    key: ({ origin }) => origin,
    async handle({ origin, destination, delay }, { progress, transaction }) {
      progress(0.5, 'at the microphone');
      const text = `${origin} to ${destination}: ${delay > 0 ? `${delay} minutes late` : 'on time'}`;
      const number = await transaction(async (tx) => {
        const { rows } = await tx.query<{ number: number }>('insert into announcements (airport, text) values ($1, $2) returning number', [origin, text]);
        return rows[0]?.number;
      });
      return done({ number, text });
    },
  });
}

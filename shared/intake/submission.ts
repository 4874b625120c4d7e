import type { EnqueueOptions } from '../client/enqueueOptions.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { readTime } from '../runtime/readTime.ts';

/** A job as somebody asks for it over HTTP. */
export interface Submission {
  readonly kind: string;
  /** As `payloadForm.ts` says. */
  readonly payload: unknown;
  readonly key?: string;
  /** RFC 3339. */
  readonly runAt?: string;
  readonly delay?: string;
  readonly id?: string;
}

/** JSON schema of {@link Submission}. */
export const submissionSchema = {
  $id: 'Submission',
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'payload'],
  properties: {
    kind: { type: 'string', minLength: 1, maxLength: 256, description: 'Of those that this service was given.' },
    payload: {
      description: 'The fields of the kind\'s schema. Bytes are base64; longs numbers or text; a union the bare value or {"<branch>": value}; times RFC 3339 or numbers; decimals text. A field with a default may be left out.',
    },
    key: { type: 'string', minLength: 1, maxLength: 1024, description: 'The entity, instead of what the kind reads from the payload.' },
    runAt: { type: 'string', maxLength: 64, description: 'Not earlier than then: RFC 3339, with an offset, at most 366 days ahead. Past: at once.' },
    delay: { type: 'string', maxLength: 64, description: 'Not earlier than after this time: "90s", "2h". Not together with runAt.' },
    id: { type: 'string', minLength: 1, maxLength: 300, description: 'The job\'s id; one is made when left out.' },
  },
} as const;

/** What the client library takes. @throws MillraceError BAD_ENQUEUE_OPTION with the field */
export function toEnqueueOptions({ key, runAt, delay, id }: Submission, at: string): EnqueueOptions {
  return {
    ...(key === undefined ? {} : { key }),
    ...(id === undefined ? {} : { id }),
    ...(delay === undefined ? {} : { delay: delay }),
    ...(runAt === undefined ? {} : { runAt: readRunAt(runAt, `${at}.runAt`) }),
  };
}

function readRunAt(text: string, field: string): Date {
  const ms = readTime(text);
  if (Number.isNaN(ms)) {
    const expected = 'a time with its offset, such as "2026-02-28T12:00:00+01:00"';
    throw new MillraceError('BAD_ENQUEUE_OPTION', { at: field, expected, got: text, fields: [{ field, message: `expected ${expected}` }] });
  }
  return new Date(ms);
}

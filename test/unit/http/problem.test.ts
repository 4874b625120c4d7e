import { expect, test } from 'vitest';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { tellableMessage, type Problem } from '../../../shared/http/problem.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';

const logger = createLogger({ level: 'silent', service: 'test' });
const body = {
  type: 'object', additionalProperties: false, required: ['kind'],
  properties: {
    kind: { type: 'string' }, delay: { type: 'string' }, version: { const: 1 },
    retry: { type: 'object', additionalProperties: false, properties: { attempts: { type: 'integer' } } },
  },
};
const querystring = { type: 'object', additionalProperties: false, properties: { state: { type: 'array', items: { enum: ['queued', 'dead'] } }, limit: { type: 'integer', maximum: 500 } } };

test.each<[what: string, url: string, payload: object, errors: readonly { field: string; message: string }[]]>([
  ['lists what is allowed', '/jobs?state=ded', { kind: 'k' }, [{ field: 'query.state.0', message: 'must be one of "queued", "dead"' }]],
  ['says the only value that is allowed', '/jobs', { kind: 'k', version: 2 }, [{ field: 'body.version', message: 'must be 1' }]],
  ['asks whether a name near the unknown one was meant', '/jobs', { kind: 'k', delya: '1s' }, [{ field: 'body.delya', message: 'is not known here; did you mean "delay"?' }]],
  ['does so further down, by the names that stand there', '/jobs', { kind: 'k', retry: { atempts: 3 } }, [{ field: 'body.retry.atempts', message: 'is not known here; did you mean "attempts"?' }]],
  ['guesses at nothing where no name is near', '/jobs', { kind: 'k', zebra: 1 }, [{ field: 'body.zebra', message: 'is not known here' }]],
  ['asks it of a query, too', '/jobs?limti=5', { kind: 'k' }, [{ field: 'query.limti', message: 'is not known here; did you mean "limit"?' }]],
  ['names what is missing', '/jobs', {}, [{ field: 'body.kind', message: 'is missing' }]],
  ['keeps the validator\'s words elsewhere', '/jobs?limit=501', { kind: 'k' }, [{ field: 'query.limit', message: 'must be <= 500' }]],
])('a refused request %s', async (_, url, payload, errors) => {
  const app = await createHttpApp({ logger, title: 't', description: 'd', version: '1' });
  app.post('/jobs', { schema: { body, querystring } }, () => ({}));
  const problem = (await app.inject({ method: 'POST', url, payload })).json<Problem>();
  await app.close();
  expect(problem).toMatchObject({ code: 'REQUEST_INVALID', errors });
  expect(problem.errors).toHaveLength(errors.length);
});

test.each([['DATABASE_REFUSED', 500], ['DATABASE_CONSTRAINT', 500], ['DATABASE_DRIFT', 500], ['DATABASE_UNAVAILABLE', 503], ['DATABASE_CONFLICT', 503]] as const)('what a database says (%s) is told to the log alone', async (code, status) => {
  let logged = '';
  const app = await createHttpApp({ logger: createLogger({ level: 'debug', service: 'test', destination: { write(line) { logged += line; } } }), title: 't', description: 'd', version: '1' });
  const said = new Error('insert into "customers" violates "secret_key": (card)=(4711)');
  const error = new MillraceError(code, { at: 'SQLSTATE 23505', got: said, cause: said });
  app.get('/jobs', () => { throw error; });
  const answer = await app.inject('/jobs');
  await app.close();
  expect(answer.statusCode).toBe(status);
  expect(answer.json<Problem>()).toMatchObject({ code, status });
  for (const told of [answer.body, tellableMessage(error), tellableMessage(said)]) expect(told).not.toMatch(/customers|secret_key|4711|SQLSTATE/);
  expect(logged).toContain('4711');
});

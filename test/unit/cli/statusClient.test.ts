import { expect, test } from 'vitest';
import { createStatusClient } from '../../../services/cli/statusClient.ts';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';

test('an error of the status service is told in its words, once', async () => {
  const app = await createHttpApp({ logger: createLogger({ level: 'silent', service: 'test' }), title: 't', description: 'd', version: '1' });
  app.get('/v1/jobs/nope', () => { throw new MillraceError('JOB_UNKNOWN', { at: 'nope' }); });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const told = await createStatusClient(url).get('/v1/jobs/nope').catch((error: unknown) => error);
  await app.close();
  expect(told).toMatchObject({ code: 'JOB_UNKNOWN', message: 'There is no such job (nope)' });
});

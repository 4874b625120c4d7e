import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { renderCliPage } from '../../../services/cli/writeDocs/renderCliPage.ts';

test('docs/cli.md tells the commands as they are: else run npm run docs:cli', async () => {
  expect(await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8')).toBe(renderCliPage());
});

import { writeFile } from 'node:fs/promises';
import { renderCliPage } from './renderCliPage.ts';

/** `npm run docs:cli` */
await writeFile(new URL('../../../docs/cli.md', import.meta.url), renderCliPage());

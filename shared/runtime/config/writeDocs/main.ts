import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderConfigPage } from '../renderConfigPage.ts';

/** `npm run docs:config` */
const docs = join(import.meta.dirname, '..', '..', '..', '..', 'docs');
await mkdir(docs, { recursive: true });
await writeFile(join(docs, 'config.md'), renderConfigPage());

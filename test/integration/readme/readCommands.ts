import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface WrittenCommand {
  /** README.md, or a page of docs/. */
  readonly page: string;
  /** As a reader would run it: without its comment, on one line. */
  readonly command: string;
}

/** The commands in the shell blocks of a page. */
export function commandsOf(page: string, markdown: string): WrittenCommand[] {
  const blocks = [...markdown.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.replace(/(^|\s)# .*$/, '').trim())
    .filter((command) => command !== '')
    .map((command) => ({ page, command }));
}

/** The commands of the README and of all pages of the docs. */
export async function readCommands(root: string): Promise<WrittenCommand[]> {
  const pages = ['README.md', ...(await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).sort().map((name) => `docs/${name}`)];
  return (await Promise.all(pages.map(async (page) => commandsOf(page, await readFile(join(root, page), 'utf8'))))).flat();
}

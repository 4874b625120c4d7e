import type { ConfigKey } from './declare.ts';
import { configSections } from './keys.ts';

/** `docs/config.md`, made from the declarations. */
export function renderConfigPage(): string {
  const sections = configSections.map(({ title, keys }) => `## ${title}\n\n${renderConfigTable(Object.values(keys))}`);
  return [
    '# Settings',
    '<!-- Written by `npm run docs:config` from shared/runtime/config/keys.ts. Do not edit. -->',
    'All settings are environment variables. An empty one counts as not set. A process that starts tells all that is wrong with them at once, names that begin with `MILLRACE_` and are not listed here among it.',
    ...sections,
  ].join('\n\n') + '\n';
}

/** A Markdown table: name, type, default, prose. */
export function renderConfigTable(keys: readonly ConfigKey<unknown>[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    row(['name', 'value', 'default', 'what it does']),
    '|---|---|---|---|',
    ...keys.map((key) => row([`\`${key.env}\``, key.type, key.defaultText === null ? '–' : `\`${key.defaultText}\``, key.prose])),
  ].join('\n');
}

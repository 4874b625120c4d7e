import type { Command } from 'commander';
import { addCommand, type Perform } from '../command.ts';
import { renderTable } from '../show/table.ts';

interface RuleOptions {
  readonly queue?: string;
  readonly kind?: string;
  readonly error?: string;
  readonly fingerprint?: string;
}

interface Rule {
  readonly id: string;
  readonly tag: string;
  readonly queue?: string | null;
  readonly kind?: string | null;
  readonly errorCode?: string | null;
  readonly fingerprint?: string | null;
}

/** Tags for follow-up; the status service keeps them. */
export function addTagCommands(program: Command, perform: Perform): void {
  const tags = program.command('tags').summary('tag jobs for follow-up').description('Tags jobs for follow-up, by hand or by rule: add, remove, rules, add-rule, remove-rule. The status service keeps them; dead list, redrive and discard select by --tag.');
  const path = (id: unknown, tag: unknown): string => `/v1/jobs/${encodeURIComponent(String(id))}/tags/${encodeURIComponent(String(tag))}`;
  addCommand(tags, perform, {
    usage: 'add <id> <tag>', summary: 'tag a job', examples: ['tags add import-42 ask-finance'],
    async action({ status, show }, [id, tag]) {
      await status.send('PUT', path(id, tag));
      show.result({ id, tag }, () => `tagged ${String(id)} ${String(tag)}`);
    },
  });
  addCommand(tags, perform, {
    usage: 'remove <id> <tag>', summary: 'take a tag away; no rule brings it back', examples: ['tags remove import-42 ask-finance'],
    async action({ status, show }, [id, tag]) {
      await status.send('DELETE', path(id, tag));
      show.result({ id, tag }, () => `${String(id)} is no longer tagged ${String(tag)}`);
    },
  });
  addCommand(tags, perform, {
    usage: 'rules', summary: 'which burials are tagged', examples: ['tags rules'],
    async action({ status, show }) {
      const { rules } = await status.get<{ rules: readonly Rule[] }>('/v1/tag-rules');
      show.result({ rules }, () => renderTable(rules, [['id', (one) => one.id], ['tag', (one) => one.tag], ['queue', (one) => one.queue], ['kind', (one) => one.kind], ['error', (one) => one.errorCode], ['fingerprint', (one) => one.fingerprint]]));
    },
  });
  addCommand<RuleOptions>(tags, perform, {
    usage: 'add-rule <tag>', summary: 'tag what is buried from now on and fits', examples: ['tags add-rule ask-finance --queue billing --error CARD_STOLEN'],
    options: (command) => { command.option('--queue <queue>', 'of this queue').option('--kind <kind>', 'of this kind').option('--error <code>', 'with this error code').option('--fingerprint <text>', 'with this error, as dead list shows it'); },
    async action({ status, show }, [tag], { queue, kind, error, fingerprint }) {
      const rule = await status.send<Rule>('POST', '/v1/tag-rules', { tag, ...(queue === undefined ? {} : { queue }), ...(kind === undefined ? {} : { kind }), ...(error === undefined ? {} : { errorCode: error }), ...(fingerprint === undefined ? {} : { fingerprint }) });
      show.result(rule, () => `rule ${rule.id} tags ${rule.tag}`);
    },
  });
  addCommand(tags, perform, {
    usage: 'remove-rule <id>', summary: 'end a rule; what it tagged stays tagged', examples: ['tags remove-rule 3'],
    async action({ status, show }, [id]) {
      await status.send('DELETE', `/v1/tag-rules/${encodeURIComponent(String(id))}`);
      show.result({ id }, () => `rule ${String(id)} has ended`);
    },
  });
}

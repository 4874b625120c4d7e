import type { Command } from 'commander';
import { expireClaims } from '../../../shared/claims/expireClaims.ts';
import { compileLargePayloads } from '../../../shared/claims/largePayloads.ts';
import { openClaims } from '../../../shared/claims/openClaims.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { claimKeys } from '../../../shared/runtime/config/keys.ts';
import { addCommand, type Perform } from '../command.ts';

export function addClaimCommands(program: Command, perform: Perform): void {
  const claims = program.command('claims').summary('look after large payloads').description('Looks after payloads that lie in a store: expire');
  addCommand<{ readonly olderThan: string; readonly least?: string }>(claims, perform, {
    usage: 'expire',
    summary: 'remove large payloads of days long past',
    description: 'A job whose payload is gone is buried: keep them for longer than the main topic keeps jobs and the longest wait together; to redrive the dead, for as long as the dead-letter topic keeps them (1 year). Where the store is: MILLRACE_CLAIMS_FOLDER or MILLRACE_CLAIMS_BUCKET.',
    examples: ['claims expire --older-than 400d'],
    options: (command) => {
      command.requiredOption('--older-than <duration>', 'those of days that are over for longer').option('--least <duration>', 'take no shorter time than this (default 14d)');
    },
    async action(session, _args, { olderThan, least }) {
      const options = await openClaims(session.settings(claimKeys));
      if (options === null) throw new MillraceError('BAD_CONFIG', { at: 'MILLRACE_CLAIMS_FOLDER', expected: 'the folder of large payloads, or MILLRACE_CLAIMS_BUCKET', got: 'neither' });
      const removed = await expireClaims(compileLargePayloads(options, session.clock).store, olderThan, least);
      session.show.result({ removed }, () => `${removed} removed`);
    },
  });
}

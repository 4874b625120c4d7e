import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';
import { dropSick, listSick, retrySick } from '../../shared/outbox/sickRows.ts';
import { missingSettings } from '../../shared/runtime/config/requireConnections.ts';
import type { OutboxRelayConfig } from './config.ts';

const commands = ['sick', 'retry', 'drop'] as const;
export type SickCommand = (typeof commands)[number];

export function isSickCommand(word: string | undefined): word is SickCommand {
  return (commands as readonly (string | undefined)[]).includes(word);
}

/**
 * What operators do about refused rows: `sick` lists them, one JSON object a line; `retry <seq>|<queue>|all` tries them again; `drop <seq>` removes one, so that
 * its job never runs. @returns the lines to print @throws MillraceError BAD_CONFIG, OUTBOX_ROW_UNKNOWN, DATABASE_UNAVAILABLE
 */
export async function runSickCommand({ databaseUrl }: Pick<OutboxRelayConfig, 'databaseUrl'>, command: SickCommand, which: string | undefined): Promise<string[]> {
  if (databaseUrl === null) throw missingSettings(['DATABASE_URL']);
  const database = openPostgres({ url: databaseUrl, maxConnections: 1 });
  const isNumber = which !== undefined && /^[0-9]{1,15}$/.test(which);
  try {
    switch (command) {
      case 'sick':
        return (await listSick(database, which === undefined ? {} : isNumber ? { seq: Number(which) } : { queue: which })).map((row) => JSON.stringify(row));
      case 'retry':
        if (which === undefined) throw new MillraceError('BAD_CONFIG', { at: 'arguments', expected: 'retry <seq>, retry <queue>, or retry all', got: 'retry' });
        return [`tried again: ${await retrySick(database, which === 'all' ? {} : isNumber ? { seq: Number(which) } : { queue: which })}`];
      case 'drop':
        if (!isNumber) throw new MillraceError('BAD_CONFIG', { at: 'arguments', expected: 'drop <seq>', got: which });
        return [JSON.stringify(await dropSick(database, Number(which)))];
    }
  } finally {
    await database.close();
  }
}

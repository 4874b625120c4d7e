import { syncBuiltinESMExports } from 'node:module';
import { MillraceError } from '../../shared/errors/MillraceError.ts';

/**
 * From now on who calls `process.exit` in this process gets an EXIT_REFUSED: a handler that would end the worker, and with it the attempts of
 * all others, fails its own attempt instead. Returns the real exit, for main.ts alone.
 */
export function refuseExit(host: { exit: NodeJS.Process['exit'] }): NodeJS.Process['exit'] {
  const exit = host.exit.bind(host);
  host.exit = (code) => {
    throw new MillraceError('EXIT_REFUSED', { expected: 'an outcome or an error', got: code, fix: 'Return dead(reason) or throw; what must end its process belongs in an isolated kind' });
  };
  syncBuiltinESMExports();
  return exit;
}

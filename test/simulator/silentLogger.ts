import type { Logger } from '../../shared/runtime/logger.ts';

/** Writes nothing, but remembers the fields of its children: so a handler can tell which record its attempt is about. */
class SilentLogger {
  readonly fields: object;
  constructor(fields: object) {
    this.fields = fields;
  }
  child(fields: object): SilentLogger { return new SilentLogger(fields); }
  debug(): void { /* silent */ }
  info(): void { /* silent */ }
  warn(): void { /* silent */ }
  error(): void { /* silent */ }
}

export const silentLogger = new SilentLogger({}) as unknown as Logger;

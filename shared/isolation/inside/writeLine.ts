import { describeFailure } from '../../jobs/describeFailure.ts';
import { cutUtf8 } from '../../jobs/cutUtf8.ts';
import type { LogLevelName, SandboxLine } from '../sandboxMessages.ts';

const MAX_MESSAGE_BYTES = 8192;
const MAX_FIELDS_BYTES = 65_536;

/** A log line that can travel, whatever it was given. Errors are told by name, code and message; fields that are too many, or no JSON, are left out. */
export function writeLine(level: LogLevelName, fields: unknown, message: unknown): SandboxLine {
  const text = typeof message === 'string' ? cutUtf8(message, MAX_MESSAGE_BYTES) : '';
  try {
    const json = JSON.stringify(fields instanceof Error ? { err: fields } : fields, tellErrors) as string | undefined;
    if (json !== undefined && json.startsWith('{') && json.length <= MAX_FIELDS_BYTES) return { level, fields: json, message: text };
    return { level, fields: JSON.stringify({ leftOut: json === undefined ? 'fields that JSON cannot say' : `fields of ${json.length} characters` }), message: text };
  } catch {
    return { level, fields: '{"leftOut":"fields that JSON cannot say"}', message: text };
  }
}

function tellErrors(_name: string, value: unknown): unknown {
  if (!(value instanceof Error)) return typeof value === 'bigint' ? String(value) : value;
  const { name, code, message } = describeFailure(value, 0);
  return { type: name, code, message, stack: cutUtf8(String(value.stack), MAX_MESSAGE_BYTES) };
}

import { ok, trouble, type Finding } from './finding.ts';

const OLDEST = [22, 15] as const;

/** @param version as `process.version` says it */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const fits = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  return fits ? ok('node', version) : trouble('node', 'fail', version, `Install Node ${OLDEST.join('.')} or newer`);
}

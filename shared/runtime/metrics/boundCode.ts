import { catalogue } from '../../errors/catalogue.ts';

/** An error code as a label: those of the catalogue are bounded; any other is `other`. */
export function boundCode(code: string): string {
  return Object.hasOwn(catalogue, code) ? code : 'other';
}

import pg from 'pg';

type Parse = (text: string) => unknown;

const INT8: number = pg.types.builtins.INT8;
const INT8_ARRAY = 1016;
const parserOf = pg.types.getTypeParser as (oid: number, format?: 'text' | 'binary') => Parse;
const parseTexts = parserOf(INT8_ARRAY) as (text: string) => (string | null)[];

function plainParser(oid: number, format?: 'text' | 'binary'): Parse {
  if (format === 'binary') return parserOf(oid, format);
  switch (oid) {
    case INT8:
      return Number;
    case INT8_ARRAY:
      return (text) => parseTexts(text).map((each) => (each === null ? null : Number(each)));
    default:
      return parserOf(oid, format);
  }
}

/** Makes bigints numbers; all else as `pg` reads it. */
export const plainTypes: pg.CustomTypesConfig = { getTypeParser: plainParser };

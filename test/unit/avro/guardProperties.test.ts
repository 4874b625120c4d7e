import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { compileGuard, type Guard } from '../../../shared/avro/guardAvro.ts';
import { compileSchema } from '../../../shared/avro/compileSchema.ts';
import { arbitrarySchema } from './arbitrarySchema.ts';

const schemaAndValue = arbitrarySchema().chain(({ schema, value }) => value.map((one) => ({ schema, value: one })));

const codeOf = (guard: Guard, bytes: Buffer, start = 0): string | null => {
  try {
    guard(bytes, start);
    return null;
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return error.code;
  }
};

test('lets pass whatever avsc writes', () => {
  fc.assert(
    fc.property(schemaAndValue, fc.integer({ min: 0, max: 6 }), ({ schema, value }, start) => {
      const type = compileSchema(schema);
      const bytes = Buffer.concat([Buffer.alloc(start, 0xff), type.toBuffer(value)]);
      expect(codeOf(compileGuard(type), bytes, start)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test('refuses what avsc wrote once any number of its last bytes are gone, or one is added', () => {
  fc.assert(
    fc.property(schemaAndValue, ({ schema, value }) => {
      const type = compileSchema(schema);
      const guard = compileGuard(type);
      const bytes = type.toBuffer(value);
      for (let length = 0; length < bytes.length; length++) expect(codeOf(guard, bytes.subarray(0, length))).toBe('AVRO_TRUNCATED');
      expect(codeOf(guard, Buffer.concat([bytes, Buffer.of(0)]))).toBe('AVRO_TRAILING');
    }),
    { numRuns: 300 },
  );
});

test('whatever bytes it lets pass, avsc reads to the end without a word', () => {
  let passed = 0;
  const bytesFor = (bytes: Buffer): fc.Arbitrary<Buffer> =>
    fc.oneof(
      fc.uint8Array({ maxLength: 64 }).map((random) => Buffer.from(random)),
      // Real bytes with one changed go deeper than random ones.
      fc.tuple(fc.nat({ max: Math.max(0, bytes.length - 1) }), fc.nat({ max: 255 })).map(([at, byte]) => {
        const changed = Buffer.from(bytes);
        if (changed.length > 0) changed[at] = byte;
        return changed;
      }),
    );
  const cases = schemaAndValue.chain(({ schema, value }) => {
    const type = compileSchema(schema);
    return fc.record({ type: fc.constant(type), bytes: bytesFor(type.toBuffer(value)) });
  });
  fc.assert(
    fc.property(cases, ({ type, bytes }) => {
      const code = codeOf(compileGuard(type), bytes);
      if (code !== null) {
        expect(code).toMatch(/^AVRO_/);
        return;
      }
      passed++;
      const read = type.decode(bytes, 0, type.createResolver(type)) as { offset: number };
      expect(read.offset).toBe(bytes.length);
      // Skipping must agree with reading, or a reader that leaves fields out would see other ones.
      const wrapped = compileSchema({ type: 'record', name: 'W', fields: [{ name: 'gone', type: type.schema() as never }, { name: 'kept', type: 'int' }] });
      const narrow = compileSchema({ type: 'record', name: 'W', fields: [{ name: 'kept', type: 'int' }] });
      const { value } = narrow.decode(Buffer.concat([bytes, Buffer.of(84)]), 0, narrow.createResolver(wrapped)) as { value: { kept: number } };
      expect(value.kept).toBe(42);
    }),
    { numRuns: 3000 },
  );
  expect(passed).toBeGreaterThan(100);
});

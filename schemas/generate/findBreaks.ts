import type { Subject } from './readSubjects.ts';

/**
 * Says where a subject breaks BACKWARD_TRANSITIVE: every version must be able to read what any earlier one wrote.
 * Empty when all is well.
 */
export function findBreaks(subject: Pick<Subject, 'name' | 'versions'>): string[] {
  return subject.versions.flatMap((reader, index) =>
    subject.versions.slice(0, index).flatMap((writer) => {
      try {
        reader.type.createResolver(writer.type);
        return [];
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return [`${subject.name}: v${String(reader.version)} cannot read what v${String(writer.version)} wrote: ${why}`];
      }
    }),
  );
}

/** `entity-0` and so on. */
export function nameEntities(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `entity-${index}`);
}

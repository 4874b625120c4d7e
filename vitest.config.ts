import { defineConfig } from 'vitest/config';

const source = { resolve: { conditions: ['source'] }, ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } } };

/** Three projects: `unit` and `conformance` need nothing but Node; `kafka` runs against the real broker that globalSetup starts. */
export default defineConfig({
  test: {
    projects: [
      { ...source, test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/simulator/**/*.test.ts', 'test/chaos/cluster/**/*.test.ts', 'test/conformance/memory.test.ts'], testTimeout: 10_000 } },
      {
        ...source,
        test: {
          name: 'kafka',
          globalSetup: ['test/realStack.ts'],
          include: ['test/{conformance,integration,guarantees}/**/*.test.ts'],
          exclude: ['test/conformance/memory.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

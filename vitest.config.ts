import { defineConfig } from 'vitest/config';

const source = { resolve: { conditions: ['source'] }, ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } } };

/**
 * Three projects: `unit` needs nothing but Node; `database` runs on a real PostgreSQL, which globalSetup starts, and on the embedded one; `kafka`
 * runs against the real broker that globalSetup starts, and may use the PostgreSQL too.
 */
export default defineConfig({
  test: {
    projects: [
      { ...source, test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/fuzz/**/*.test.ts', 'test/simulator/**/*.test.ts', 'test/chaos/cluster/**/*.test.ts', 'test/conformance/memory.test.ts'], testTimeout: 10_000 } },
      { ...source, test: { name: 'database', globalSetup: ['test/postgres/globalPostgres.ts'], include: ['test/database/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
      {
        ...source,
        test: {
          name: 'kafka',
          globalSetup: ['test/realStack.ts', 'test/postgres/globalPostgres.ts'],
          include: ['test/{conformance,integration,guarantees,failpoints}/**/*.test.ts', 'test/chaos/*.test.ts'],
          exclude: ['test/conformance/memory.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

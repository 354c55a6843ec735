import { defineConfig } from 'vitest/config';

/**
 * The parts of the suite, in the order they run: what fails fast comes first. Parts that start many processes run file
 * by file, so that they share the machine with nobody.
 */
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 120_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['services/**/*.test.ts', 'tests/support/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      part('contract', ['tests/contract/**/*.test.ts'], 1),
      part('failover-local', ['tests/failover/local/**/*.test.ts'], 2),
    ],
  },
});

function part(name: string, include: string[], groupOrder: number) {
  return {
    extends: true as const,
    test: { name, include, maxWorkers: 1, fileParallelism: false, sequence: { groupOrder } },
  };
}

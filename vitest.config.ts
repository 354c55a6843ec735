import { defineConfig } from 'vitest/config';
import { longTests } from './tests/long-tests.ts';

/** Brings the cluster up where the machine can, and takes it down again where it was not up before. */
const CLUSTER = { globalSetup: 'tests/cluster/global-setup.ts' };
/** Installs Chromium where it is missing and that is ours to do. */
const BROWSER = { globalSetup: 'tests/browser/global-setup.ts' };

/** Finds or starts what runs containers. */
const CONTAINERS = { globalSetup: 'tests/contract/global-setup.ts' };

const clusterTests = ['cluster/**/*.test.ts', 'charts/**/*.cluster.test.ts', 'failover/cluster/**/*.test.ts'].map(
  (pattern) => `tests/${pattern}`,
);

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
          include: ['services/**/*.test.ts', 'tests/support/**/*.test.ts', 'tests/failover/drill/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      part('contract', ['tests/contract/**/*.test.ts'], 1, { ...CONTAINERS, exclude: longTests }),
      part('failover-local', ['tests/failover/local/**/*.test.ts'], 2),
      part('browser', ['tests/browser/**/*.test.ts'], 3, BROWSER),
      part('charts', ['tests/charts/**/*.render.test.ts'], 4),
      part('cluster', clusterTests, 5, {
        ...CLUSTER,
        exclude: longTests,
      }),
      part('cluster-long', longTests, 6, { globalSetup: [BROWSER.globalSetup, CLUSTER.globalSetup] }),
    ],
  },
});

function part(name: string, include: string[], groupOrder: number, options: object = {}) {
  return {
    extends: true as const,
    test: { name, include, maxWorkers: 1, fileParallelism: false, sequence: { groupOrder }, ...options },
  };
}

import { inject, type TestContext } from 'vitest';
import { type Cluster, connectCluster } from './connect-cluster.ts';
import type { HostState } from './host-state.ts';

/** What tests/cluster/global-setup.ts tells the tests. */
export interface TestCluster {
  /** `skipped`: this machine can have no cluster. `failed`: it should, and the cluster did not come up. */
  readonly state: 'up' | 'skipped' | 'failed';
  /** Why it is not up. */
  readonly reason: string;
  /** The machine as it was before this run brought the cluster up; undefined when it was up before. */
  readonly hostBefore: HostState | undefined;
}

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: TestCluster;
  }
}

/** The cluster, or the test is skipped where there can be none. @throws Error when it should be there and is not. */
export function requireCluster(context: TestContext): Cluster {
  const { state, reason } = requireTestCluster(context);
  if (state === 'failed') throw new Error(`the cluster did not come up: ${reason}`);
  return connectCluster();
}

/** As {@link requireCluster}, for tests of bringing it up and down. */
export function requireTestCluster(context: TestContext): TestCluster {
  const cluster = inject('cluster') as TestCluster | undefined;
  if (cluster === undefined)
    throw new Error('this project of vitest.config.ts needs globalSetup: tests/cluster/global-setup.ts');
  if (cluster.state === 'skipped') context.skip(cluster.reason);
  return cluster;
}

import { HoldfastRelease, replicated } from '../../charts/holdfast/holdfast-release.ts';
import { connectCluster } from '../../support/cluster/connect-cluster.ts';
import { DrilledRelease } from './drilled-release.ts';
import { readDemoUsers } from './read-users.ts';
import type { Credentials } from './workload-manifests.ts';

export interface OwnRelease extends AsyncDisposable {
  readonly release: DrilledRelease;
  readonly users: readonly Credentials[];
  /** Milliseconds until all of it was ready. */
  readonly readyMs: number;
}

export interface OwnReleaseOptions {
  /** Further values, as for helm's --set. */
  readonly values?: readonly string[];
  /** A folder with the charts; those of this checkout where it is left out. */
  readonly charts?: string;
}

/** Two of each service and a whole Redis, in a namespace of its own on the project's cluster, until it is disposed of. */
export async function installOwnRelease(purpose: string, options: OwnReleaseOptions = {}): Promise<OwnRelease> {
  const installed = new HoldfastRelease(purpose, 'dev', options.charts);
  const dispose = () => installed[Symbol.asyncDispose]();
  try {
    const readyMs = await installed.install(...replicated, ...(options.values ?? []));
    const release = new DrilledRelease(connectCluster(), installed.namespace, installed.name);
    return { release, users: await readDemoUsers(release), readyMs, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

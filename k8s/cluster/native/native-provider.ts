import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { acquireFileLock } from '../file-lock.ts';
import { cacheDir } from '../paths.ts';
import { step } from '../progress.ts';
import type { ClusterProvider } from '../provider.ts';
import { tearDown } from './down.ts';
import { nativeFaults } from './native-faults.ts';
import { missingForNative } from './prerequisites.ts';
import { nativeStatus } from './status.ts';
import { bootIdPath } from './topology.ts';
import { bringUp } from './up.ts';

/** Upstream Kubernetes as processes: each node is a network and a mount namespace of this machine. */
export const nativeProvider: ClusterProvider = {
  name: 'native',
  missing: missingForNative,
  exists: async () => existsSync(bootIdPath),
  up: async () => {
    await using _lock = await lock();
    await bringUp();
  },
  down: async () => {
    await using _lock = await lock();
    await step('processes, namespaces, links, cgroups, files', tearDown);
  },
  status: nativeStatus,
  faults: nativeFaults,
};

/** A cold `up` may hold it while it builds Kubernetes. */
async function lock(): Promise<AsyncDisposable> {
  return await acquireFileLock(join(cacheDir, 'cluster.lock'), 20 * 60_000);
}

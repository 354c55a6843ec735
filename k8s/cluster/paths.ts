import { homedir } from 'node:os';
import { join } from 'node:path';

/** What can be made again and is worth keeping: binaries, image layers. Outside the tree, shared by all clones. */
export const cacheDir = join(homedir(), '.cache', 'holdfast');

/** What the running cluster is: pids, certificates, etcd, volumes. Gone after `down`. */
export const stateDir = join(homedir(), '.local', 'state', 'holdfast', 'cluster');

export const kubeconfigPath = join(stateDir, 'kubeconfig');

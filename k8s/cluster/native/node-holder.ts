import { mkdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { toolPath } from '../binaries.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { waitUntil } from '../wait-until.ts';
import { ensureProcess, logsDir } from './managed-process.ts';
import { nodeCgroup } from './node-processes.ts';
import type { ClusterNode } from './topology.ts';

// The node's own /var and /run stand in for the host's, so nothing it writes there is seen outside. Everything is made inside
// the namespace and so ends with it. Kubelet needs its mounts to be shared with its containers; /var is made a group of its own
// or each mount would appear a second time below the node's directory.
const becomeNode = `set -e
dir=$1; name=$2; pause=$3
mkdir -p "$dir/var/lib/kubelet" "$dir/var/lib/cni" "$dir/var/log/pods" "$dir/var/log/containers" "$dir/var/tmp"
chmod 1777 "$dir/var/tmp"
ln -sfn /run "$dir/var/run"
mount --make-rshared /
mount --bind "$dir/var" /var
mount --make-private /var
mount --make-shared /var
mount -t tmpfs -o mode=755 holdfast-run /run
mkdir /run/lock /run/netns
echo "$name" > /proc/sys/kernel/hostname
exec "$pause" holdfast-node "$name"`;

/** The process whose network, mount and host name namespaces are the node: when it ends, they do, and the node's link with them. */
export async function ensureHolder(node: ClusterNode): Promise<ProcessIdentity & { readonly fresh: boolean }> {
  mkdirSync(node.dir, { recursive: true });
  const holder = await ensureProcess({
    name: `node-${node.name}`,
    cgroup: `${nodeCgroup(node)}/daemons`,
    // --propagation slave: what the host mounts later is seen here, what we mount is not seen there.
    command: [
      ...['unshare', '--mount', '--net', '--uts', '--propagation', 'slave', '--', 'sh', '-c', becomeNode],
      ...['sh', node.dir, node.name, await toolPath('pause')],
    ],
  });
  await waitUntil(
    `${node.name}'s namespaces (see ${join(logsDir, `node-${node.name}.log`)})`,
    10_000,
    () => readlinkSync(`/proc/${holder.pid}/exe`).endsWith('/pause'),
    10,
  );
  return holder;
}

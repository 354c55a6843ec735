import { join } from 'node:path';
import { type ClusterNode, registryAddress } from './topology.ts';

/** An image of ours that every pod sandbox runs; any registry name will do, ours answers for all of them. */
export const sandboxImage = 'holdfast/pause:1';

/** Whatever registry an image names, ours is asked: nodes reach nothing else. */
export const registryHosts = `server = "http://${registryAddress}"

[host."http://${registryAddress}"]
  capabilities = ["pull", "resolve"]
`;

/** For containerd 1.6 and later (its version 2 format). */
export function containerdConfig(node: ClusterNode, registriesDir: string, cniConfigDir: string): string {
  const quoted = JSON.stringify;
  return `version = 2
root = ${quoted(join(node.dir, 'containerd'))}
state = "/run/containerd"
# opt would make a directory in the host's /opt; the others look for things that are not there and complain.
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/${sandboxImage}"
  # Without CAP_SYS_RESOURCE, as in many sandboxes, a negative oom_score_adj is refused and no sandbox would start.
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = ${quoted(cniConfigDir)}

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = ${quoted(registriesDir)}
`;
}

import { join } from 'node:path';
import { rootCgroup } from './cgroups.ts';
import { type ClusterNode, clusterDomain, dnsServiceIp } from './topology.ts';

interface KubeletTrust {
  readonly clientCaPath: string;
  readonly certPath: string;
  readonly keyPath: string;
}

export function kubeletConfig(node: ClusterNode, { clientCaPath, certPath, keyPath }: KubeletTrust): string {
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: clientCaPath } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: certPath,
    tlsPrivateKeyFile: keyPath,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    clusterDNS: [dnsServiceIp],
    clusterDomain,
    // There is no name server beyond the cluster's own.
    resolvConf: '/dev/null',
    // Its default is a directory that kubelet would make below the host's /usr.
    volumePluginDir: join(node.dir, 'volume-plugins'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${rootCgroup}/${node.name}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    // With the controller manager's grace period of 10 s: several beats may be late before a node counts as lost.
    nodeLeaseDurationSeconds: 8,
    nodeStatusUpdateFrequency: '2s',
    // Shares of a disk that is mostly someone else's say nothing; room is room.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1Gi', 'imagefs.available': '1Gi' },
    imageGCHighThresholdPercent: 100,
    serializeImagePulls: false,
    maxPods: 110,
  };
  return JSON.stringify(config, null, 2);
}

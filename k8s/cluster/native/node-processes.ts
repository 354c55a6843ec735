import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toolPath } from '../binaries.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { runCommand } from '../run-command.ts';
import { waitUntil } from '../wait-until.ts';
import { certificate } from './certificates.ts';
import { containerdConfig, registryHosts } from './containerd-config.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { kubeletConfig } from './kubelet-config.ts';
import { ensureProcess, logsDir } from './managed-process.ts';
import { type ClusterNode, podCidr, serviceCidr } from './topology.ts';

export const nodeCgroup = (node: ClusterNode): string => node.name;
export const cniConfigPath = (node: ClusterNode): string => join(node.dir, 'cni', '10-holdfast.conflist');

/** Starts containerd, kubelet and kube-proxy in the namespaces that `holder` holds. */
export async function ensureNodeProcesses(node: ClusterNode, holder: ProcessIdentity): Promise<void> {
  mkdirSync(dirname(cniConfigPath(node)), { recursive: true });
  const registriesDir = join(node.dir, 'registries');
  writeText(join(registriesDir, '_default', 'hosts.toml'), registryHosts);
  const containerd = containerdConfig(node, registriesDir, dirname(cniConfigPath(node)));
  const containerdPath = writeText(join(node.dir, 'containerd.toml'), containerd);
  await start(node, holder, 'containerd', ['containerd', '--config', containerdPath], containerd);
  await waitForContainerd(node, holder);

  const { certPath, keyPath } = certificate(`kubelet-server-${node.name}`);
  const kubelet = kubeletConfig(node, { clientCaPath: certificate('ca').certPath, certPath, keyPath });
  const kubeletPath = writeText(join(node.dir, 'kubelet.json'), kubelet);
  const kubeletCommand = [
    await toolPath('kubelet'),
    ...['--config', kubeletPath, '--kubeconfig', kubeconfig(node, 'kubelet', `kubelet-${node.name}`)],
    ...['--hostname-override', node.name, '--node-ip', node.ip],
    ...['--node-labels', `topology.kubernetes.io/zone=${node.zone},topology.kubernetes.io/region=local`],
  ];
  await start(node, holder, 'kubelet', kubeletCommand, kubelet);
  await start(node, holder, 'kube-proxy', [
    await toolPath('kube-proxy'),
    ...['--kubeconfig', kubeconfig(node, 'kube-proxy'), '--hostname-override', node.name],
    ...['--proxy-mode', 'iptables', '--cluster-cidr', podCidr],
    // The conntrack table is the whole machine's: its limits are not ours to set.
    ...[
      '--conntrack-max-per-core',
      '0',
      '--conntrack-tcp-timeout-established',
      '0',
      '--conntrack-tcp-timeout-close-wait',
      '0',
    ],
  ]);
}

/** Starts what enforces NetworkPolicies. It ends at once when its node is not registered or its rights are not there yet. */
export async function ensurePolicyEngine(node: ClusterNode, holder: ProcessIdentity): Promise<void> {
  await start(node, holder, 'kube-router', [
    await toolPath('kube-router'),
    ...['--kubeconfig', kubeconfig(node, 'kube-router'), '--hostname-override', node.name],
    ...['--run-router=false', '--run-service-proxy=false', '--run-firewall=true'],
    ...['--service-cluster-ip-range', serviceCidr],
  ]);
}

async function start(
  node: ClusterNode,
  { pid, startTicks }: ProcessIdentity,
  program: string,
  command: readonly string[],
  config = '',
): Promise<void> {
  const cgroup = `${nodeCgroup(node)}/daemons`;
  await ensureProcess({ name: `${program}-${node.name}`, cgroup, command, config, inside: { pid, startTicks } });
}

/** Kubelet ends when it finds no containerd. */
async function waitForContainerd(node: ClusterNode, holder: ProcessIdentity): Promise<void> {
  const log = join(logsDir, `containerd-${node.name}.log`);
  await waitUntil(`containerd of ${node.name} (see ${log})`, 30_000, async () => {
    await runCommand('nsenter', [`--target=${holder.pid}`, '--mount', '--', 'ctr', '--connect-timeout=1s', 'version']);
    return true;
  });
}

function kubeconfig(node: ClusterNode, user: string, certificateName = user): string {
  return writeKubeconfig(join(node.dir, `${user}.kubeconfig`), certificateName);
}

function writeText(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

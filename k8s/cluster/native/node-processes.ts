import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toolPath } from '../binaries.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { certificate } from './certificates.ts';
import { containerdConfig, registryHosts } from './containerd-config.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { kubeletConfig } from './kubelet-config.ts';
import { ensureProcess } from './managed-process.ts';
import { type ClusterNode, podCidr, serviceCidr } from './topology.ts';

export const nodeCgroup = (node: ClusterNode): string => node.name;
export const cniConfigPath = (node: ClusterNode): string => join(node.dir, 'cni', '10-holdfast.conflist');

/** Starts what makes a node of the namespaces that `holder` holds. */
export async function ensureNodeProcesses(node: ClusterNode, holder: ProcessIdentity): Promise<void> {
  const start = async (program: string, command: readonly string[], config?: string): Promise<void> => {
    await ensureProcess({
      name: `${program}-${node.name}`,
      cgroup: `${nodeCgroup(node)}/daemons`,
      command,
      inside: { pid: holder.pid, startTicks: holder.startTicks },
      ...(config === undefined ? {} : { config }),
    });
  };
  const kubeconfig = (user: string, certificateName = user): string =>
    writeKubeconfig(join(node.dir, `${user}.kubeconfig`), certificateName);

  mkdirSync(dirname(cniConfigPath(node)), { recursive: true });
  const registriesDir = join(node.dir, 'registries');
  writeText(join(registriesDir, '_default', 'hosts.toml'), registryHosts);
  const containerd = containerdConfig(node, registriesDir, dirname(cniConfigPath(node)));
  const containerdPath = writeText(join(node.dir, 'containerd.toml'), containerd);
  await start('containerd', ['containerd', '--config', containerdPath], containerd);

  const { certPath, keyPath } = certificate(`kubelet-server-${node.name}`);
  const kubelet = kubeletConfig(node, { clientCaPath: certificate('ca').certPath, certPath, keyPath });
  const kubeletPath = writeText(join(node.dir, 'kubelet.json'), kubelet);
  await start(
    'kubelet',
    [
      await toolPath('kubelet'),
      ...['--config', kubeletPath, '--kubeconfig', kubeconfig('kubelet', `kubelet-${node.name}`)],
      ...['--hostname-override', node.name, '--node-ip', node.ip],
      ...['--node-labels', `topology.kubernetes.io/zone=${node.zone},topology.kubernetes.io/region=local`],
    ],
    kubelet,
  );
  await start('kube-proxy', [
    await toolPath('kube-proxy'),
    ...['--kubeconfig', kubeconfig('kube-proxy'), '--hostname-override', node.name],
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
  await start('kube-router', [
    await toolPath('kube-router'),
    ...['--kubeconfig', kubeconfig('kube-router'), '--hostname-override', node.name],
    ...['--run-router=false', '--run-service-proxy=false', '--run-firewall=true'],
    ...['--service-cluster-ip-range', serviceCidr],
  ]);
}

function writeText(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

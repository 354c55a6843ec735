import { CoreV1Api } from '@kubernetes/client-node';
import { loadKubeConfig } from '../apply-manifests.ts';
import { kubeconfigPath } from '../paths.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { waitUntil } from '../wait-until.ts';
import { killCgroup } from './cgroups.ts';
import { logsDir, runningProcess, stopProcess } from './managed-process.ts';
import { ensureHolder } from './node-holder.ts';
import { ensureNodeLink, ensurePodRoutes, writeCniConfig } from './node-network.ts';
import { ensureNodeProcesses, ensurePolicyEngine, nodeCgroup } from './node-processes.ts';
import { type ClusterNode, nodes } from './topology.ts';

/** Starts a node, or what of it is missing. It is on the network and its kubelet runs; its pods' network needs joinPodNetwork. */
export async function ensureNode(node: ClusterNode): Promise<void> {
  const holder = await ensureHolder(node);
  // What outlived its holder runs in namespaces that no new process can enter.
  if (holder.fresh) await killLeftovers(node, holder);
  await ensureNodeLink(node, holder);
  await ensureNodeProcesses(node, holder);
}

/** Gives the node's pods their addresses and every other running node the way to them. */
export async function joinPodNetwork(node: ClusterNode): Promise<void> {
  const own = await podCidrOf(node);
  writeCniConfig(node, own);
  const others = nodes.filter((other) => other !== node);
  await ensurePodRoutes(
    node,
    own,
    others.map(holderOf).filter((holder) => holder !== undefined),
  );
  const holder = holderOf(node);
  if (holder === undefined) throw new Error(`${node.name} ended while it was started: see ${logsDir}`);
  for (const other of others) {
    // A stopped node's pods come back with the addresses they had reserved for them.
    await ensurePodRoutes(other, await podCidrOf(other), [holder]);
  }
  await ensurePolicyEngine(node, holder);
}

/** As if its plug were pulled: every process of the node ends at once, and its namespaces, mounts and link with them. */
export async function stopNode(node: ClusterNode): Promise<void> {
  await killCgroup(nodeCgroup(node));
}

export async function startNode(node: ClusterNode): Promise<void> {
  await ensureNode(node);
  await joinPodNetwork(node);
}

export function holderOf(node: ClusterNode): ProcessIdentity | undefined {
  return runningProcess(`node-${node.name}`);
}

async function podCidrOf(node: ClusterNode): Promise<string> {
  const core = loadKubeConfig(kubeconfigPath).makeApiClient(CoreV1Api);
  return await waitUntil(
    `${node.name} to register and get addresses for its pods`,
    60_000,
    async () => (await core.readNode({ name: node.name })).spec?.podCIDR,
  );
}

async function killLeftovers(node: ClusterNode, holder: ProcessIdentity): Promise<void> {
  for (const program of ['kubelet', 'kube-proxy', 'kube-router', 'containerd'])
    await stopProcess(`${program}-${node.name}`, 'SIGKILL');
  await killCgroup(`${nodeCgroup(node)}/kubepods`);
  await killCgroup(`${nodeCgroup(node)}/daemons`, [holder.pid]);
}

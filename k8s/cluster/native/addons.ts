import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppsV1Api, CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node';
import { applyManifests, loadKubeConfig, parseManifests } from '../apply-manifests.ts';
import { kubeconfigPath, stateDir } from '../paths.ts';
import { waitUntil } from '../wait-until.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { ensureProcess } from './managed-process.ts';
import { corednsImage, metricsServerImage } from './registry.ts';
import { provisioner, storageClass } from './storage-names.ts';
import { clusterDomain, dnsServiceIp, nodes } from './topology.ts';

/** What the cluster offers beyond bare Kubernetes: names, volumes, metrics, and the rights of the programs behind them. */
export async function applyAddons(): Promise<void> {
  const config = loadKubeConfig(kubeconfigPath);
  const dir = join(import.meta.dirname, '..', 'manifests');
  const values = { clusterDomain, dnsServiceIp, corednsImage, metricsServerImage, provisioner, storageClass };
  for (const file of (await readdir(dir)).sort()) {
    await applyManifests(config, parseManifests(await readFile(join(dir, file), 'utf8'), values));
  }
}

export async function ensureVolumeProvisioner(): Promise<void> {
  const program = join(import.meta.dirname, 'volume-provisioner.ts');
  const kubeconfig = writeKubeconfig(join(stateDir, 'pki', 'volume-provisioner.kubeconfig'), 'volume-provisioner');
  await ensureProcess({
    name: 'volume-provisioner',
    cgroup: 'control-plane',
    command: [process.execPath, '--max-semi-space-size=1', '--max-old-space-size=64', program, kubeconfig],
    config: await readFile(program, 'utf8'),
  });
}

/** @param sinceMs epoch: a heartbeat from before it doesn't count, for the node may have died since. */
export async function waitForNodes(sinceMs: number): Promise<void> {
  const core = loadKubeConfig(kubeconfigPath).makeApiClient(CoreV1Api);
  await waitUntil('all nodes to be Ready', 60_000, async () => {
    const { items } = await core.listNode();
    return nodes.every(({ name }) => {
      const conditions = items.find((item) => item.metadata?.name === name)?.status?.conditions ?? [];
      return conditions.some(
        ({ type, status, lastHeartbeatTime }) =>
          type === 'Ready' && status === 'True' && Number(lastHeartbeatTime?.getTime()) >= sinceMs,
      );
    });
  });
}

/** DNS answers and metrics are served. */
export async function waitForAddons(): Promise<void> {
  const config = loadKubeConfig(kubeconfigPath);
  const apps = config.makeApiClient(AppsV1Api);
  await waitUntil('CoreDNS to be available', 90_000, async () => {
    const { spec, status, metadata } = await apps.readNamespacedDeployment({
      name: 'coredns',
      namespace: 'kube-system',
    });
    return (
      status?.observedGeneration === metadata?.generation &&
      status?.updatedReplicas === spec?.replicas &&
      status?.availableReplicas === spec?.replicas
    );
  });
  const custom = config.makeApiClient(CustomObjectsApi);
  await waitUntil('the metrics of all nodes', 90_000, async () => {
    const list = (await custom.listClusterCustomObject({
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      plural: 'nodes',
    })) as { items: unknown[] };
    return list.items.length >= nodes.length;
  });
}

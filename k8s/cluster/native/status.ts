import { readFileSync } from 'node:fs';
import { CoreV1Api } from '@kubernetes/client-node';
import { loadKubeConfig } from '../apply-manifests.ts';
import { kubeconfigPath } from '../paths.ts';
import type { ClusterStatus } from '../provider.ts';
import { cgroupPids } from './cgroups.ts';
import { deadProcesses, recordedProcesses } from './managed-process.ts';
import { nodes, registryAddress } from './topology.ts';

export async function nativeStatus(): Promise<ClusterStatus> {
  const dead = deadProcesses();
  const pids = cgroupPids('');
  const lines = [`${recordedProcesses().length - dead.length} of ${recordedProcesses().length} processes run`];
  if (dead.length > 0) lines.push(`dead: ${dead.join(', ')}; cluster:up starts them`);
  const ready = await readyNodes();
  for (const { name, zone, ip } of nodes)
    lines.push(`${name} (${zone}, ${ip}): ${ready.get(name) ?? 'unknown to the API server'}`);
  lines.push(
    `image registry: ${registryAddress} (plain HTTP; nodes pull every image from it, whatever registry its name has)`,
  );
  lines.push(
    `memory: ${Math.round(pids.reduce((sum, pid) => sum + proportionalKiB(pid), 0) / 1024)} MiB in ${pids.length} processes, pods included`,
  );
  return { healthy: dead.length === 0 && nodes.every(({ name }) => ready.get(name) === 'Ready'), lines };
}

async function readyNodes(): Promise<Map<string, string>> {
  try {
    const core = loadKubeConfig(kubeconfigPath).makeApiClient(CoreV1Api);
    // An API server without its etcd doesn't answer for a minute; that it doesn't is the answer.
    const { items } = await withinMs(5_000, core.listNode());
    return new Map(
      items.map(({ metadata, status }) => {
        const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
        return [metadata?.name ?? '', ready ? 'Ready' : 'NotReady'];
      }),
    );
  } catch {
    return new Map();
  }
}

async function withinMs<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(reject, timeoutMs);
  return await Promise.race([answer, promise]).finally(() => clearTimeout(timer));
}

/** Pages that processes share, as the text of three kubelets, are counted once. */
function proportionalKiB(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cgroupHierarchies, rootCgroup } from '../../k8s/cluster/native/cgroups.ts';
import { kubeconfigPath } from '../../k8s/cluster/paths.ts';
import { runCommand } from '../../k8s/cluster/run-command.ts';
import { readHostState } from '../support/cluster/host-state.ts';
import { requireCluster, requireTestCluster } from '../support/cluster/require-cluster.ts';

test('three nodes are Ready, each in a zone of its own', async (context) => {
  const cluster = requireCluster(context);
  const { items } = await cluster.core.listNode();
  const workers = items.filter((node) => !('node-role.kubernetes.io/control-plane' in (node.metadata?.labels ?? {})));
  const ready = workers.filter((node) =>
    node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  );
  const zones = ready.map((node) => node.metadata?.labels?.['topology.kubernetes.io/zone']).sort();
  expect(zones).toEqual(['zone-a', 'zone-b', 'zone-c']);
});

test('its kubeconfig is a file of its own that kubeconfig prints, and the default one is left alone', async (context) => {
  requireCluster(context);
  const main = join(import.meta.dirname, '../../k8s/cluster/main.ts');
  const printed = (await runCommand(process.execPath, [main, 'kubeconfig'])).trim();
  expect(printed).toBe(kubeconfigPath);
  expect(printed).not.toContain(join(homedir(), '.kube'));
  const { hostBefore } = requireTestCluster(context);
  const now = await readHostState();
  // Where the cluster was up before this run, what was before it is not known.
  if (hostBefore !== undefined) expect(now['default kubeconfig']).toEqual(hostBefore['default kubeconfig']);
});

test('where processors are short, pods come before what the cluster is made of', (context) => {
  requireCluster(context);
  const cpu = cgroupHierarchies().find(({ controllers }) => controllers.includes('cpu'));
  const read = (path: string, file: string) =>
    Number(readFileSync(join(cpu?.path ?? '', rootCgroup, path, file), 'utf8'));
  const share = (path: string) => read(path, cpu?.unified ? 'cpu.weight' : 'cpu.shares');
  if (cpu === undefined || !existsSync(join(cpu.path, rootCgroup, 'control-plane')))
    return context.skip('only the native cluster has its processes in cgroups of their own');
  for (const node of ['holdfast-a', 'holdfast-b', 'holdfast-c']) {
    if (existsSync(join(cpu.path, rootCgroup, node, 'cpu.idle')))
      for (const path of ['control-plane', `${node}/daemons`]) expect(read(path, 'cpu.idle')).toBe(1);
    expect(share('control-plane')).toBeLessThan(share(node));
    expect(share(`${node}/daemons`)).toBeLessThan(share(`${node}/kubepods`));
  }
});

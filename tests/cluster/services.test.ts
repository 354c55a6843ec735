import { expect, test } from 'vitest';
import { createNamespace } from '../support/cluster/create-namespace.ts';
import { execInPod } from '../support/cluster/exec-in-pod.ts';
import { requireCluster } from '../support/cluster/require-cluster.ts';
import { waitForRollout } from '../support/cluster/wait-for-rollout.ts';
import { pollUntil } from '../support/poll-until.ts';
import { askFromPod } from './ask-from-pod.ts';
import { webDeployment } from './web-pods.ts';

test('from every node DNS resolves a Service, and no name that is not there', { timeout: 120_000 }, async (context) => {
  const cluster = requireCluster(context);
  await using namespace = await createNamespace(cluster, 'dns');
  const pods = await startWeb(cluster, namespace);
  const service = await cluster.core.readNamespacedService({ namespace: namespace.name, name: 'web' });
  const lookup = (name: string) =>
    `require('node:dns').lookup('${name}', (error, address) => console.log(error?.code ?? address))`;
  const names = ['web', `web.${namespace.name}`, `web.${namespace.name}.svc.cluster.local`];
  // With its last dot: without it the name is also asked for outside of the cluster, where nobody answers.
  const absent = ['node', '-e', lookup(`absent.${namespace.name}.svc.cluster.local.`)];
  for (const pod of pods) {
    for (const name of names) {
      const { stdout } = await execInPod(cluster, { namespace: namespace.name, pod }, ['node', '-e', lookup(name)]);
      expect(stdout.trim(), `${name} from ${pod}`).toBe(service.spec?.clusterIP);
    }
    const { stdout } = await execInPod(cluster, { namespace: namespace.name, pod }, absent);
    expect(stdout.trim(), `an absent name from ${pod}`).toBe('ENOTFOUND');
  }
});

test('a Service balances over pods on other nodes', { timeout: 120_000 }, async (context) => {
  const cluster = requireCluster(context);
  await using namespace = await createNamespace(cluster, 'balance');
  const [pod = ''] = await startWeb(cluster, namespace);
  const ask = (times: number) =>
    // The first one waits for DNS, which on a busy machine may have to be asked twice.
    askFromPod(cluster, { namespace: namespace.name, pod }, 'http://web/', { times, timeoutMs: 15_000 });
  const nodesOf = (answers: string[]) => {
    const served = answers.filter((answer) => !answer.startsWith('failed'));
    return [...new Set(served.map((answer) => answer.split(' ')[1]))].sort();
  };
  const nodes = await nodeNames(cluster);
  // A node learns of a new Service, and of each of its pods, a moment later.
  await pollUntil('the Service to be known', 30_000, async () => nodesOf(await ask(20)).length === nodes.length, 200);
  // That 60 connections all miss one of three pods has a chance of 1 in 10^10.
  const answers = await ask(60);
  expect(answers.filter((answer) => answer.startsWith('failed'))).toEqual([]);
  expect(nodesOf(answers)).toEqual(nodes);
});

type Cluster = ReturnType<typeof requireCluster>;

/** @returns the names of its pods, one on each node. */
async function startWeb(cluster: Cluster, namespace: Awaited<ReturnType<typeof createNamespace>>): Promise<string[]> {
  await namespace.apply(...webDeployment('web'));
  await waitForRollout(cluster, { kind: 'Deployment', namespace: namespace.name, name: 'web' });
  const { items } = await cluster.core.listNamespacedPod({ namespace: namespace.name });
  expect(items.map((pod) => pod.spec?.nodeName).sort()).toEqual(await nodeNames(cluster));
  return items.map((pod) => pod.metadata?.name ?? '');
}

async function nodeNames(cluster: Cluster): Promise<(string | undefined)[]> {
  const { items } = await cluster.core.listNode({ labelSelector: '!node-role.kubernetes.io/control-plane' });
  return items.map((node) => node.metadata?.name).sort();
}

import { expect, test } from 'vitest';
import { createNamespace } from '../support/cluster/create-namespace.ts';
import { cutNode, stopNode } from '../support/cluster/node-faults.ts';
import { requireCluster } from '../support/cluster/require-cluster.ts';
import { waitForNode } from '../support/cluster/wait-for-node.ts';
import { waitForPod } from '../support/cluster/wait-for-pod.ts';
import { pollUntil } from '../support/poll-until.ts';
import { askFromPod } from './ask-from-pod.ts';
import { webPod, webPort } from './web-pods.ts';

const timeoutMs = 180_000;

test('a node that is cut off is NotReady and out of reach, and comes back', { timeout: timeoutMs }, async (context) => {
  const { cluster, namespace, lost, ask } = await startPair(context);
  await using _namespace = namespace;
  expect(await ask()).toBe(`web-far ${lost}`);
  {
    await using _cut = await cutNode(cluster, lost);
    expect(await ask()).toMatch(/^failed/);
    await waitForNode(cluster, lost, false, 40_000);
  }
  await waitForNode(cluster, lost, true);
  await pollUntil('its pod answers again', 30_000, async () => (await ask()) === `web-far ${lost}`);
});

test('a node that is stopped is NotReady, and started runs its pods again', { timeout: timeoutMs }, async (context) => {
  const { cluster, namespace, lost, ask } = await startPair(context);
  await using _namespace = namespace;
  const ref = { namespace: namespace.name, pod: 'web-far' };
  const restarts = async () =>
    (await cluster.core.readNamespacedPod({ namespace: ref.namespace, name: ref.pod })).status?.containerStatuses?.[0]
      ?.restartCount;
  {
    await using _stopped = await stopNode(cluster, lost);
    expect(await ask()).toMatch(/^failed/);
    await waitForNode(cluster, lost, false, 40_000);
    expect(await restarts()).toBe(0);
  }
  await pollUntil('its pod answers again', 60_000, async () => (await ask()) === `web-far ${lost}`);
  await pollUntil('its pod was started anew', 30_000, async () => (await restarts()) === 1);
});

/** Two pods on two nodes, the second of which is to be lost. */
async function startPair(context: Parameters<typeof requireCluster>[0]) {
  const cluster = requireCluster(context);
  const namespace = await createNamespace(cluster, 'node-lost');
  const { items } = await cluster.core.listNode({ labelSelector: 'topology.kubernetes.io/zone' });
  const [kept = '', lost = ''] = items.map((node) => node.metadata?.name).sort();
  await namespace.apply(webPod('web-near', kept), webPod('web-far', lost));
  const near = { namespace: namespace.name, pod: 'web-near' };
  await waitForPod(cluster, near);
  await waitForPod(cluster, { ...near, pod: 'web-far' });
  /** By address, asked each time: a pod whose node was stopped may get another. */
  const ask = async () => {
    const { status } = await cluster.core.readNamespacedPod({ namespace: namespace.name, name: 'web-far' });
    return (await askFromPod(cluster, near, `http://${status?.podIP}:${webPort}/`, { timeoutMs: 1_500 }))[0] ?? '';
  };
  return { cluster, namespace, lost, ask };
}

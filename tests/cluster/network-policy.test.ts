import { NetworkingV1Api } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { createNamespace } from '../support/cluster/create-namespace.ts';
import { requireCluster } from '../support/cluster/require-cluster.ts';
import { waitForPod } from '../support/cluster/wait-for-pod.ts';
import { pollUntil } from '../support/poll-until.ts';
import { askFromPod } from './ask-from-pod.ts';
import { webPod, webPort, webService } from './web-pods.ts';

// The one that may not is tried from the server's own node and from another: on one node frames pass a bridge, not a route.
const others = ['other-near', 'other-far'];

test('a NetworkPolicy lets the allowed pod in and keeps others out; without it they get in', {
  timeout: 120_000,
}, async (context) => {
  const cluster = requireCluster(context);
  await using namespace = await createNamespace(cluster, 'policy');
  const [near = '', far = ''] = (
    await cluster.core.listNode({ labelSelector: 'topology.kubernetes.io/zone' })
  ).items.map((node) => node.metadata?.name);
  await namespace.apply(
    webPod('server', near),
    webPod('allowed', far, { access: 'yes' }),
    webPod('other-near', near),
    webPod('other-far', far),
    webService('server'),
  );
  const pods = await Promise.all(
    ['server', 'allowed', ...others].map((pod) => waitForPod(cluster, { namespace: namespace.name, pod })),
  );
  const address = `http://${pods[0]?.status?.podIP}:${webPort}/`;
  const ask = async (pod: string, url: string) =>
    (await askFromPod(cluster, { namespace: namespace.name, pod }, url, { timeoutMs: 1_500 }))[0] ?? '';
  const getsIn = async (pod: string, url: string) => (await ask(pod, url)).startsWith('server ');
  // Nodes learn of a new pod, Service or policy a moment later.
  const untilIn = (pod: string, url: string, when: string) =>
    pollUntil(`${pod} gets in ${when}`, 30_000, () => getsIn(pod, url), 200);

  for (const pod of ['allowed', ...others]) {
    await untilIn(pod, address, 'without a policy');
    await untilIn(pod, 'http://server/', 'without a policy, by the Service');
  }

  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'server' },
    spec: {
      podSelector: { matchLabels: { app: 'server' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: { access: 'yes' } } }], ports: [{ port: webPort }] }],
    },
  };
  await namespace.apply(policy);
  for (const pod of others) {
    await pollUntil(`the policy keeps ${pod} out`, 30_000, async () => !(await getsIn(pod, address)), 200);
    expect(await ask(pod, address)).toMatch(/^failed/);
    expect(await ask(pod, 'http://server/')).toMatch(/^failed/);
  }
  await untilIn('allowed', address, 'under the policy');
  await untilIn('allowed', 'http://server/', 'under the policy, by the Service');

  await cluster.config
    .makeApiClient(NetworkingV1Api)
    .deleteNamespacedNetworkPolicy({ namespace: namespace.name, name: 'server' });
  for (const pod of others) await untilIn(pod, address, 'after the policy');
});

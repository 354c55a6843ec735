import { CoordinationV1Api } from '@kubernetes/client-node';
import { pollUntil } from '../poll-until.ts';
import type { Cluster } from './connect-cluster.ts';
import { waitForNode } from './wait-for-node.ts';

/**
 * Until the node's kubelet has been heard of after `since`, and the node is Ready. Ready alone may be left from before it was lost:
 * a silent node is missed only after 10 s.
 */
export async function waitForHeartbeat(cluster: Cluster, node: string, since: Date, timeoutMs = 90_000): Promise<void> {
  const leases = cluster.config.makeApiClient(CoordinationV1Api);
  await pollUntil(
    `a heartbeat of ${node}`,
    timeoutMs,
    async () => {
      const { spec } = await leases.readNamespacedLease({ namespace: 'kube-node-lease', name: node });
      return spec?.renewTime !== undefined && new Date(spec.renewTime).getTime() > since.getTime();
    },
    250,
  );
  await waitForNode(cluster, node, true, timeoutMs);
}

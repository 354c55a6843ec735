import type { V1Pod } from '@kubernetes/client-node';
import { pollUntil } from '../poll-until.ts';
import type { Cluster } from './connect-cluster.ts';
import type { PodRef } from './pod-ref.ts';

/** Until the pod is there, ready, and not on its way out. @param formerUid waits for another pod of the same name than this. */
export async function waitForPod(
  cluster: Cluster,
  { namespace, pod }: PodRef,
  { timeoutMs = 90_000, formerUid }: { timeoutMs?: number; formerUid?: string | undefined } = {},
): Promise<V1Pod> {
  return await pollUntil(
    `pod ${namespace}/${pod} ready`,
    timeoutMs,
    async () => {
      const found = await cluster.core.readNamespacedPod({ namespace, name: pod });
      return isReady(found) && found.metadata?.uid !== formerUid && found;
    },
    250,
  );
}

export function isReady({ metadata, status }: V1Pod): boolean {
  const ready = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  return metadata?.deletionTimestamp === undefined && ready === true;
}

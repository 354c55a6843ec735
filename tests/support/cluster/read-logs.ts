import type { Cluster } from './connect-cluster.ts';
import type { PodRef } from './pod-ref.ts';

/** All that a container has written so far. @param previous that of its run before the last restart. */
export async function readLogs(
  cluster: Cluster,
  { namespace, pod, container }: PodRef,
  { previous = false }: { previous?: boolean } = {},
): Promise<string> {
  const which = container === undefined ? {} : { container };
  return await cluster.core.readNamespacedPodLog({ namespace, name: pod, previous, ...which });
}

import { pollUntil } from '../poll-until.ts';
import type { Cluster } from './connect-cluster.ts';

export interface Workload {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly namespace: string;
  readonly name: string;
}

/** Until all its pods are of its newest revision, and ready. */
export async function waitForRollout(cluster: Cluster, workload: Workload, timeoutMs = 120_000): Promise<void> {
  const { kind, namespace, name } = workload;
  await pollUntil(`${kind} ${namespace}/${name} rolled out`, timeoutMs, () => isRolledOut(cluster, workload), 250);
}

async function isRolledOut({ apps }: Cluster, { kind, namespace, name }: Workload): Promise<boolean> {
  if (kind === 'Deployment') {
    const { metadata, spec, status } = await apps.readNamespacedDeployment({ namespace, name });
    const wanted = spec?.replicas ?? 1;
    return (
      status?.observedGeneration === metadata?.generation &&
      [status?.replicas, status?.updatedReplicas, status?.availableReplicas].every((count) => (count ?? 0) === wanted)
    );
  }
  if (kind === 'StatefulSet') {
    const { metadata, spec, status } = await apps.readNamespacedStatefulSet({ namespace, name });
    const wanted = spec?.replicas ?? 1;
    return (
      status?.observedGeneration === metadata?.generation &&
      status?.currentRevision === status?.updateRevision &&
      [status?.replicas, status?.readyReplicas].every((count) => (count ?? 0) === wanted)
    );
  }
  const { metadata, status } = await apps.readNamespacedDaemonSet({ namespace, name });
  return (
    status?.observedGeneration === metadata?.generation &&
    status?.desiredNumberScheduled !== undefined &&
    status.desiredNumberScheduled === (status.updatedNumberScheduled ?? 0) &&
    status.desiredNumberScheduled === (status.numberAvailable ?? 0)
  );
}

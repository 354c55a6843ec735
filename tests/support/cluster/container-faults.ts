import type { Cluster } from './connect-cluster.ts';
import type { PodRef } from './pod-ref.ts';

/** SIGKILL to the container's first process, from outside: it has crashed, and kubelet starts it again in the same pod. */
export async function killContainer(cluster: Cluster, ref: PodRef): Promise<void> {
  const { node, id } = await findContainer(cluster, ref);
  await (await cluster.faults()).killContainer(node, id);
}

/** Its processes get no processor until the returned is disposed of; connections stay open and silent. */
export async function pauseContainer(cluster: Cluster, ref: PodRef): Promise<AsyncDisposable> {
  const { node, id } = await findContainer(cluster, ref);
  const faults = await cluster.faults();
  await faults.pauseContainer(node, id);
  return {
    // Kubelet may have killed it meanwhile, for a liveness probe that got no answer: then there is nothing to resume.
    [Symbol.asyncDispose]: async () => await faults.resumeContainer(node, id).catch(() => undefined),
  };
}

async function findContainer(cluster: Cluster, { namespace, pod, container }: PodRef) {
  const { spec, status } = await cluster.core.readNamespacedPod({ namespace, name: pod });
  const wanted = container ?? spec?.containers[0]?.name;
  const id = status?.containerStatuses?.find(({ name }) => name === wanted)?.containerID;
  if (spec?.nodeName === undefined || id === undefined)
    throw new Error(`container ${wanted} of ${namespace}/${pod} has not been started`);
  return { node: spec.nodeName, id };
}

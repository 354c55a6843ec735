import { type CoreV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { podName } from '../../../support/cluster/running-release.ts';
import { pollUntil } from '../../../support/poll-until.ts';
import type { Scenario } from '../scenario.ts';
import { handOverLimits } from './primary-deleted.ts';

export const nodeDrained: Scenario = {
  name: 'node-drained',
  title: 'The node with the primary is drained',
  explanation:
    'The primary’s node is closed for new pods and the release’s pods on it are evicted, as kubectl drain does it, one service after the other as their disruption budgets allow. The primary hands over; services start elsewhere; what has its volume on that node waits until it is open again. No request may fail.',
  needs: ['three nodes'],
  sparesDatabase: true,
  limits: handOverLimits,
  inject: async ({ release, primaryNode, mark }) => {
    const { core } = release.cluster;
    await setUnschedulable(core, primaryNode, true);
    const open = { [Symbol.asyncDispose]: async () => await setUnschedulable(core, primaryNode, false) };
    try {
      mark('fault', `node ${primaryNode} is drained`);
      const pods = (await release.pods()).filter(({ spec }) => spec?.nodeName === primaryNode);
      await Promise.all(pods.map((pod) => evict(core, release.namespace, podName(pod), pod.metadata?.uid)));
      mark('drill', `${pods.map(podName).join(', ')} left ${primaryNode}`);
      return open;
    } catch (error) {
      await open[Symbol.asyncDispose]();
      throw error;
    }
  },
  observe: async ({ release, primary, untilServing }) => {
    await release.untilReplaced(primary);
    await untilServing();
  },
};

async function setUnschedulable(core: CoreV1Api, name: string, unschedulable: boolean): Promise<void> {
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  await core.patchNode({ name, body: { spec: { unschedulable } } }, merge);
}

/** Asks until the disruption budget allows it, and waits for the pod to be gone. */
async function evict(core: CoreV1Api, namespace: string, name: string, uid: string | undefined): Promise<void> {
  await pollUntil(
    `eviction of ${name}`,
    120_000,
    async () => {
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
      await core.createNamespacedPodEviction({ namespace, name, body });
      return true;
    },
    1000,
  );
  await pollUntil(
    `${name} gone`,
    120_000,
    async () => {
      const { items } = await core.listNamespacedPod({ namespace });
      return !items.some(({ metadata }) => metadata?.uid === uid);
    },
    500,
  );
}

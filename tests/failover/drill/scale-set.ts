import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import type { RunningRelease } from '../../support/cluster/running-release.ts';
import { pollUntil } from '../../support/poll-until.ts';

const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/** Scales the StatefulSet of a component, waits for what is too many to be gone, and scales back when disposed of. */
export async function scaleSet(
  release: RunningRelease,
  component: 'redis' | 'sentinel',
  replicas: number,
): Promise<AsyncDisposable> {
  const { cluster, namespace } = release;
  const labelSelector = release.selector(component);
  const [set] = (await cluster.apps.listNamespacedStatefulSet({ namespace, labelSelector })).items;
  const name = set?.metadata?.name ?? '';
  const before = set?.spec?.replicas ?? 0;
  const scale = async (to: number) => {
    const body = { spec: { replicas: to } };
    await cluster.apps.patchNamespacedStatefulSetScale({ namespace, name, body }, merge);
  };
  await scale(replicas);
  return {
    [Symbol.asyncDispose]: async () => {
      // Not before it has happened: a set that is scaled back early keeps its pods.
      await pollUntil(
        `${name} scaled to ${replicas}`,
        120_000,
        async () => (await release.pods(component)).length <= replicas,
        250,
      );
      await scale(before);
    },
  };
}

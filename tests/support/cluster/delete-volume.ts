import { pollUntil } from '../poll-until.ts';
import type { Cluster } from './connect-cluster.ts';

/** A disk is lost: claim, volume and data go, and with them the pods that used them. A StatefulSet makes both anew, empty. */
export async function deleteVolume(cluster: Cluster, namespace: string, claim: string): Promise<void> {
  const { metadata, spec } = await cluster.core.readNamespacedPersistentVolumeClaim({ namespace, name: claim });
  await cluster.core.deleteNamespacedPersistentVolumeClaim({ namespace, name: claim });
  const { items } = await cluster.core.listNamespacedPod({ namespace });
  const users = items.filter((pod) =>
    pod.spec?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim),
  );
  for (const pod of users)
    await cluster.core.deleteNamespacedPod({ namespace, name: pod.metadata?.name ?? '', gracePeriodSeconds: 0 });
  await pollUntil(`volume of ${namespace}/${claim} gone`, 60_000, async () => {
    const volumes = (await cluster.core.listPersistentVolume()).items.map((volume) => volume.metadata?.name);
    const claims = (await cluster.core.listNamespacedPersistentVolumeClaim({ namespace })).items;
    return !volumes.includes(spec?.volumeName) && !claims.some((each) => each.metadata?.uid === metadata?.uid);
  });
}

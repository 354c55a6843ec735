import { deleteVolume } from '../../../support/cluster/delete-volume.ts';
import type { Scenario } from '../scenario.ts';

export const primaryVolumeLost: Scenario = {
  name: 'primary-volume-lost',
  title: 'The primary’s volume is deleted with its pod',
  explanation:
    'Claim, volume and pod of the primary go, as when a disk or a zone is lost, and the pod comes back empty under its old address while the Sentinels still name it. It must not serve, and its replicas must not copy its emptiness: one of them takes over, and the empty pod follows it.',
  needs: [],
  limits: {},
  inject: async ({ release, primary, mark }) => {
    mark('fault', `volume and pod of ${primary} are deleted`);
    await deleteVolume(release.cluster, release.namespace, `data-${primary}`);
    return undefined;
  },
  observe: async ({ release, primary }) => {
    await release.untilReplaced(primary);
  },
};

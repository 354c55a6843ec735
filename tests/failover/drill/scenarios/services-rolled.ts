import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { waitForRollout } from '../../../support/cluster/wait-for-rollout.ts';
import type { Scenario } from '../scenario.ts';

export const servicesRolled: Scenario = {
  name: 'services-rolled',
  title: 'auth and orders are rolled out anew, under load',
  explanation:
    'All pods of auth and orders are replaced, as by a new version. A pod that goes takes requests until everybody knows, finishes those under way and closes its connections in a way that tells clients; sessions are in no pod, so every session goes on at the new ones. No request may fail.',
  needs: [],
  limits: { readMs: 1000, writeMs: 1500, unserved: 0 },
  inject: async ({ release, mark }) => {
    const { cluster, namespace } = release;
    const { items } = await cluster.apps.listNamespacedDeployment({ namespace, labelSelector: release.selector() });
    const names = items.map(({ metadata }) => metadata?.name ?? '');
    mark('fault', `new pods of ${names.join(' and ')}`);
    const annotations = { 'holdfast.dev/drilled-at': new Date().toISOString() };
    const body = { spec: { template: { metadata: { annotations } } } };
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    for (const name of names) await cluster.apps.patchNamespacedDeployment({ namespace, name, body }, merge);
    for (const name of names) await waitForRollout(cluster, { kind: 'Deployment', namespace, name });
    return undefined;
  },
};

import type { RunningRelease } from '../../support/cluster/running-release.ts';
import { hasNodeAccess } from './faults.ts';
import type { Scenario } from './scenario.ts';

/** Why the scenario can't be run on this release; undefined when it can. */
export async function missingNeed(release: RunningRelease, { needs }: Scenario): Promise<string | undefined> {
  if (needs.includes('nodes') && !(await hasNodeAccess(release)))
    return 'it breaks a node itself, which the drill reaches only in the cluster of `npm run cluster:up`';
  const { items } = await release.cluster.core.listNode();
  const open = items.filter(({ spec }) => !spec?.unschedulable).length;
  if (needs.includes('three nodes') && open < 3)
    return `it needs three nodes that take pods, of which there are ${open}`;
  return undefined;
}

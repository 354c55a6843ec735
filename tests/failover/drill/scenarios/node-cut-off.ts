import { cutNode } from '../../../support/cluster/node-faults.ts';
import { isConfirmed } from '../../../support/ledger.ts';
import type { Observed, Scenario } from '../scenario.ts';
import { silentPrimaryLimits } from './primary-hung.ts';

export const nodeCutOff: Scenario = {
  name: 'node-cut-off',
  title: 'The node with the primary is cut off from the network, and mended',
  explanation:
    'Nothing passes between the primary’s node and the others, while all on it live on: a primary, services that reach it, and clients of a second workload that reach those. The others choose a successor, so what the isolated primary confirmed from then on would be lost. It must confirm nothing from the moment of the cut, before a successor exists, and follow that one when the network is mended.',
  needs: ['nodes', 'three nodes'],
  sparesDatabase: true,
  watchesInside: true,
  limits: silentPrimaryLimits,
  inject: async ({ release, primaryNode, mark }) => {
    const cut = await cutNode(release.cluster, primaryNode);
    mark('fault', `node ${primaryNode} is cut off`);
    return cut;
  },
  observe: async ({ release, primary, untilServing }) => {
    await release.untilReplaced(primary);
    await untilServing();
  },
  judge: findIsolatedWrites,
};

/** What the far side confirmed while nobody could have confirmed it to the primary there. */
function findIsolatedWrites({ insideEntries, events }: Observed): string[] {
  const timeOf = (kind: string) => events.find((event) => event.kind === kind)?.atMs ?? Number.POSITIVE_INFINITY;
  const [cutMs, mendedMs, electedMs] = [timeOf('fault'), timeOf('undo'), timeOf('election')];
  const confirmed = insideEntries.filter(
    (entry) =>
      (entry.operation === 'login' || entry.operation === 'logout') &&
      isConfirmed(entry) &&
      entry.startedAtMs > cutMs &&
      entry.endedAtMs < mendedMs,
  );
  if (confirmed.length === 0) return [];
  const late = confirmed.filter(({ startedAtMs }) => startedAtMs > electedMs).length;
  return [`${confirmed.length} × confirmed by the isolated primary, ${late} of them after its successor was named`];
}

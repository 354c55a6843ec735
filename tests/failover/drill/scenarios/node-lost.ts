import { stopNode } from '../../../support/cluster/node-faults.ts';
import type { Scenario } from '../scenario.ts';

export const nodeLost: Scenario = {
  name: 'node-lost',
  title: 'The node with the primary loses power',
  explanation:
    'The primary’s node stops with everything on it: a Redis, perhaps a Sentinel, a pod of auth and of orders. A replica on another node takes over. Clients whose connection goes to a pod of the lost node get no answer until Kubernetes has taken it out of the Services (10 s here). When the node is back its Redis follows.',
  needs: ['nodes', 'three nodes'],
  sparesDatabase: true,
  limits: {},
  inject: async ({ release, primaryNode, mark }) => {
    mark('fault', `node ${primaryNode} is off`);
    return await stopNode(release.cluster, primaryNode);
  },
  observe: async ({ release, primary, untilServing }) => {
    await release.untilReplaced(primary);
    await untilServing();
  },
};

import { crash } from '../faults.ts';
import { chooseReplica } from '../lagging-replica.ts';
import { countRestarts, untilRestarted } from '../restarts.ts';
import type { Scenario } from '../scenario.ts';

export const replicaKilled: Scenario = {
  name: 'replica-killed',
  title: 'A replica’s container is killed',
  explanation:
    'One of the two replicas crashes. The primary has another that confirms its writes, so nobody may notice but for a write that waits a moment; the replica catches up when it is back.',
  needs: [],
  limits: { readMs: 1000, writeMs: 2000 },
  inject: async ({ release, primary, mark }) => {
    const replica = await chooseReplica(release, primary);
    const before = await countRestarts(release, replica);
    mark('fault', `${replica} is killed`);
    await crash(release, replica, 'redis');
    await untilRestarted(release, replica, before);
    return undefined;
  },
};

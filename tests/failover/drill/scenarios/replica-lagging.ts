import { hang, undoAll } from '../faults.ts';
import { chooseReplica, requireOther, stopFollowing } from '../lagging-replica.ts';
import type { Scenario } from '../scenario.ts';

export const replicaLagging: Scenario = {
  name: 'replica-lagging',
  title: 'A replica lags behind when the primary is lost',
  explanation:
    'One replica can’t follow any more (the password it uses is taken from it), so all that is confirmed from then on is confirmed by the other one alone. Then the primary hangs. Both are candidates; the one that confirmed must win, or every login that the other lacks is lost.',
  needs: [],
  limits: {},
  inject: async ({ release, primary, mark, untilServing }) => {
    const lagging = await chooseReplica(release, primary);
    const restore = await stopFollowing(release, lagging);
    try {
      mark('fault', `${lagging} can’t follow any more`);
      await untilServing(10);
      mark('fault', `${primary} is stopped`);
      return undoAll(restore, await hang(release, primary, 'redis'));
    } catch (error) {
      await restore[Symbol.asyncDispose]();
      throw error;
    }
  },
  // Until one of the others can follow it the successor takes no writes, so those are not waited for.
  observe: async ({ release, primary }) =>
    requireOther(await release.untilReplaced(primary), await chooseReplica(release, primary)),
};

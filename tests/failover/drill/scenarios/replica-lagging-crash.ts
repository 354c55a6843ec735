import { crash, whileBroken } from '../faults.ts';
import { chooseReplica, crashUntilOtherWins, lengthenHistory, stopFollowing } from '../lagging-replica.ts';
import type { Scenario } from '../scenario.ts';

export const replicaLaggingCrash: Scenario = {
  name: 'replica-lagging-crash',
  title: 'A replica lags behind when the primary crashes, again and again',
  explanation:
    'One replica can’t follow any more (the password it uses is taken from it), so all that is confirmed from then on is confirmed by the other one alone. Then the primary is killed as often as it comes back, until it is replaced. If it resumed, the replica that confirmed would begin anew with it, and seem to have less than the one that lags; the one that confirmed must win.',
  needs: [],
  needsFreshPods: true,
  limits: {},
  inject: async ({ release, primary, mark, untilServing }) => {
    await lengthenHistory(release, primary);
    const lagging = await chooseReplica(release, primary);
    return await whileBroken(await stopFollowing(release, lagging), async () => {
      mark('fault', `${lagging} can’t follow any more`);
      await untilServing(10);
      mark('fault', `${primary} is killed`);
      await crash(release, primary, 'redis');
      await untilServing();
    });
  },
  observe: crashUntilOtherWins,
};

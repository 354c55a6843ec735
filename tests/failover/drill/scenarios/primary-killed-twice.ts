import { crash, whileBroken } from '../faults.ts';
import { chooseReplica, crashUntilOtherWins, lengthenHistory, takePassword } from '../lagging-replica.ts';
import type { Scenario } from '../scenario.ts';

export const primaryKilledTwice: Scenario = {
  name: 'primary-killed-twice',
  title: 'The primary crashes, resumes, and crashes again, while one replica has not followed it',
  explanation:
    'The primary is killed and resumes. One replica can’t follow it (the password it uses is taken from it), so what is confirmed from then on is confirmed by the other one alone; then the primary is killed as often as it comes back, until it is replaced. A primary that resumes counts its history from the start, so to Sentinel the replica left behind has more than the one that confirmed; that one must win all the same.',
  needs: [],
  needsFreshPods: true,
  limits: {},
  inject: async ({ release, primary, mark, untilServing }) => {
    await lengthenHistory(release, primary);
    const left = await chooseReplica(release, primary);
    return await whileBroken(await takePassword(release, left), async () => {
      mark('fault', `${primary} is killed, and ${left} can’t follow it when it is back`);
      await crash(release, primary, 'redis');
      await untilServing(10);
    });
  },
  observe: crashUntilOtherWins,
};

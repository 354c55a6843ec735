import { podName } from '../../../support/cluster/running-release.ts';
import { pollUntil } from '../../../support/poll-until.ts';
import { crash, undoAll } from '../faults.ts';
import { scaleSet } from '../scale-set.ts';
import type { Drill, Scenario } from '../scenario.ts';

export const sentinelsLost: Scenario = {
  name: 'sentinels-lost',
  title: 'Two of three Sentinels are lost, and then the primary crashes',
  explanation:
    'With one Sentinel left nobody can choose a new primary, and the crashed one may not take its role back without a majority that names it. So there is no primary: logins and logouts must get 503 with Retry-After and nobody a 401, and no replica may make itself primary; replicas may validate for as long as DEGRADED_READ_SECONDS allows. When the Sentinels are back, so is every session.',
  needs: [],
  limits: {},
  inject: async ({ release, primary, mark }) => {
    mark('fault', 'two Sentinels are scaled away');
    const sentinels = await scaleSet(release, 'sentinel', 1);
    await pollUntil('one Sentinel left', 60_000, async () => (await release.pods('sentinel')).length === 1, 250).catch(
      async (error) => {
        await sentinels[Symbol.asyncDispose]();
        throw error;
      },
    );
    mark('fault', `${primary} is killed`);
    await crash(release, primary, 'redis');
    return undoAll(sentinels);
  },
  observe: async (drill) => {
    const { release, primary, untilRefused } = drill;
    await untilRefused(5);
    const sentinel = podName((await release.pods('sentinel'))[0] ?? {});
    await pollUntil(`${sentinel} to miss ${primary}`, 60_000, async () =>
      (await release.runSentinel(sentinel, '$ask sentinel master "$MASTER_NAME"')).includes('s_down'),
    );
    await untilRefused(5);
    await requireReplicas(drill);
  },
};

async function requireReplicas({ release, primary, mark }: Drill): Promise<void> {
  for (const pod of (await release.pods('redis')).map(podName)) {
    if (pod === primary) continue;
    const role = (await release.askRedis(pod, 'role')).split('\n')[0];
    if (role !== 'slave') throw new Error(`${pod} made itself ${role}, with no majority of Sentinels`);
  }
  mark('drill', 'both replicas are still replicas');
}

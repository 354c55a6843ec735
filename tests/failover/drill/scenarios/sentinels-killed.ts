import { podName } from '../../../support/cluster/running-release.ts';
import { crash } from '../faults.ts';
import { countRestarts, untilRestarted } from '../restarts.ts';
import type { Scenario } from '../scenario.ts';

export const sentinelsKilled: Scenario = {
  name: 'sentinels-killed',
  title: 'Each Sentinel is killed, one after the other',
  explanation:
    'Each of the Sentinels crashes in turn and is started again. Two are always there, the primary stays what it is, and nobody may notice: services ask Sentinel only when they look for a primary.',
  needs: [],
  limits: { readMs: 1000, writeMs: 2000, unserved: 0 },
  inject: async ({ release, mark }) => {
    for (const sentinel of (await release.pods('sentinel')).map(podName)) {
      const before = await countRestarts(release, sentinel);
      mark('fault', `${sentinel} is killed`);
      await crash(release, sentinel, 'sentinel');
      await untilRestarted(release, sentinel, before);
    }
    return undefined;
  },
  verify: async ({ release, primary }) => {
    const now = await release.primary();
    if (now !== primary) throw new Error(`${now} became the primary, though ${primary} never failed`);
  },
};

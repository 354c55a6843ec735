import { undoAll } from '../faults.ts';
import { scaleSet } from '../scale-set.ts';
import type { Scenario } from '../scenario.ts';

export const everythingStopped: Scenario = {
  name: 'everything-stopped',
  title: 'Redis and Sentinel are scaled to nothing, and back',
  explanation:
    'Both sets are scaled to 0 and back, as for a maintenance of the whole cluster or its storage, when the primary is not pod 0. Meanwhile everybody gets 503 with Retry-After; then the last primary resumes, whatever its number is.',
  needs: [],
  sparesFirst: true,
  limits: { afterRunningMs: 30_000 },
  inject: async ({ release, mark }) => {
    mark('fault', 'Redis and Sentinel are scaled to 0');
    return undoAll(await scaleSet(release, 'sentinel', 0), await scaleSet(release, 'redis', 0));
  },
  observe: async ({ untilRefused }) => await untilRefused(),
};

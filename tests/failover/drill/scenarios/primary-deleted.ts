import { deletePod } from '../faults.ts';
import type { Scenario } from '../scenario.ts';

/** As long as a hand-over that was planned may hold anybody up. */
export const handOverLimits = { readMs: 200, writeMs: 1500, unserved: 0 };

export const primaryDeleted: Scenario = {
  name: 'primary-deleted',
  title: 'The primary’s pod is deleted, as planned',
  explanation:
    'The pod of the primary is told to stop, as by a rollout, a drain or kubectl delete. It refuses new writes, lets its replicas catch up and hands over to one of them before it ends. No request may fail: reads go on, and a login or logout waits for the successor.',
  needs: [],
  limits: handOverLimits,
  inject: async ({ release, primary, mark }) => {
    mark('fault', `${primary} is deleted`);
    await deletePod(release, primary);
    return undefined;
  },
  observe: async ({ release, primary }) => {
    await release.untilReplaced(primary);
  },
};

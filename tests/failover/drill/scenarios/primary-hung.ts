import { hang } from '../faults.ts';
import type { Scenario } from '../scenario.ts';

/** What is promised while nobody can say at once that the primary is gone. */
export const silentPrimaryLimits = { readMs: 1000, writeMs: 7000 };

export const primaryHung: Scenario = {
  name: 'primary-hung',
  title: 'The primary hangs, with its connections open',
  explanation:
    'The processes of the primary’s container are stopped (SIGSTOP): nothing is refused and nothing is answered, as on a machine that swaps or a disk that hangs. Sentinel must miss it and promote a replica, the services must leave their open connections at once, and the old primary must come back as a replica without having answered anybody with what it knew before.',
  needs: [],
  limits: silentPrimaryLimits,
  inject: async ({ release, primary, mark }) => {
    mark('fault', `${primary} is stopped`);
    return await hang(release, primary, 'redis');
  },
  observe: async ({ release, primary, untilServing }) => {
    await release.untilReplaced(primary);
    await untilServing();
  },
};

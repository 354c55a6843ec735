import { podName } from '../../../support/cluster/running-release.ts';
import { deletePod } from '../faults.ts';
import type { Scenario } from '../scenario.ts';

export const everythingKilled: Scenario = {
  name: 'everything-killed',
  title: 'All Redis and all Sentinel pods end at once',
  explanation:
    'Every pod of Redis and of Sentinel is deleted without a grace period, as when a whole cluster loses power, after a failover, so that the primary is not pod 0. Nobody who comes back may guess a role: the Sentinels remember the last primary, and it resumes with every confirmed login and logout.',
  needs: [],
  sparesFirst: true,
  limits: { afterRunningMs: 30_000 },
  inject: async ({ release, mark }) => {
    const pods = [...(await release.pods('redis')), ...(await release.pods('sentinel'))].map(podName);
    mark('fault', `${pods.length} pods are deleted at once, by force`);
    await Promise.all(pods.map((pod) => deletePod(release, pod, 0)));
    return undefined;
  },
};

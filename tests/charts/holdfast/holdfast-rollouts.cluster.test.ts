import { afterAll, beforeAll, describe, test } from 'vitest';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { expectNothingFailed } from './expect-nothing-failed.ts';
import { HoldfastRelease, replicated } from './holdfast-release.ts';
import { startClients } from './start-clients.ts';

const reason = await missingCluster();

describe.skipIf(reason !== undefined)(
  `pods that are replaced on purpose${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('rollouts', 'dev');

    beforeAll(async () => {
      // A user that the images do not know, as OpenShift chooses them.
      const anyUser = ['runAsUser=1000650000', 'redis-sentinel.runAsUser=1000650000'];
      await release.install(...replicated, ...anyUser);
    }, 480_000);
    afterAll(() => release[Symbol.asyncDispose]());

    test('no request fails while the release is upgraded and then all of it restarted', async () => {
      await using clients = await startClients(release);
      await release.install('service.logLevel=warn', 'redis-sentinel.redis.extraConfig[0]=slowlog-max-len 64');
      const all = [...release.deployments, ...release.statefulSets];
      await release.kubectl('rollout', 'restart', ...all);
      await release.untilRolledOut(all);
      expectNothingFailed('upgrade, and a restart of everything', await clients.stop());
    }, 600_000);

    test('no request fails while the services are scaled 2 → 5 → 1 → 2 and all their pods deleted one by one', async () => {
      await using clients = await startClients(release);
      for (const replicas of [5, 1, 2]) {
        await release.kubectl('scale', ...release.deployments, `--replicas=${replicas}`);
        await release.untilRolledOut(release.deployments);
      }
      for (const component of ['auth', 'orders']) {
        for (const pod of await release.pods(component)) {
          await release.kubectl('delete', 'pod', pod);
          await release.untilRolledOut(release.deployments);
        }
      }
      expectNothingFailed('2 → 5 → 1 → 2, each pod deleted', await clients.stop());
    }, 600_000);
  },
);

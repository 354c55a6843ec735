import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { HoldfastRelease } from './holdfast-release.ts';

const reason = await missingCluster();

/** Two of each service and the whole Redis, with users and a database of its own. */
const replicated = [
  ...['service.replicas=2', 'session.waitReplicas=1', 'service.drainDelayMs=5000'],
  ...['redis-sentinel.redis.replicas=3', 'redis-sentinel.redis.minReplicasToWrite=1'],
  ...['redis-sentinel.sentinel.replicas=3', 'redis-sentinel.sentinel.quorum=2'],
];

describe.skipIf(reason !== undefined)(
  `the whole of Holdfast${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('whole', 'dev');
    let readyMs: number;

    beforeAll(async () => {
      readyMs = await release.install(...replicated);
    }, 480_000);
    afterAll(() => release[Symbol.asyncDispose]());

    test('is ready within 90 s, and passes its own tests, from login to logout', async () => {
      console.log(`ready after ${readyMs} ms`);
      expect(readyMs).toBeLessThan(90_000);
      expect(await release.helm('test', release.name, '--logs', '--timeout=180s')).toMatch(/^ok$/m);
    }, 240_000);

    test('no session is lost and none comes back when the primary’s pod is deleted', async () => {
      const stop = await release.startWorkload('primary');
      const before = await release.primaryPod();
      await release.kubectl('delete', 'pod', before);
      await pollUntil('another primary', 60_000, async () => (await release.primaryPod()) !== before, 500);
      await release.kubectl('rollout', 'status', `statefulset/${release.name}-redis-sentinel-redis`, '--timeout=180s');
      const report = await stop();
      console.log(
        `primary deleted: ${report.requests} requests, failures ${JSON.stringify(report.failures)}, longest gap ${report.longestGapMs} ms`,
      );
      expect(report).toMatchObject({ lost: 0, cameBack: 0, falseUnauthorized: 0 });
      for (const failure of Object.keys(report.failures)) expect(failure).toMatch(/: 503$/);
    }, 420_000);
  },
);

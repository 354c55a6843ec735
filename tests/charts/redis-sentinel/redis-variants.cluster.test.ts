import { describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster, Release } from './cluster-release.ts';
import { createLedgerPod, describeReport } from './ledger-pod.ts';

const reason = await missingCluster();
const variants = {
  TLS: ['tls.enabled=true'],
  // A user that the image does not know, as OpenShift chooses them.
  'Valkey as any user': ['image.repository=valkey/valkey', 'runAsUser=1000650000'],
  'appendfsync everysec': ['redis.appendfsync=everysec', 'redis.resumeMaxMebibytes=0'],
};

describe.skipIf(reason !== undefined)(`variants${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  test.for(Object.entries(variants))(
    '%s: installs, passes helm test, and hands over without a loss',
    { timeout: 300_000 },
    async ([what, values]) => {
      await using release = new Release(what.toLowerCase().replaceAll(' ', '-'));
      const readyMs = await release.install(...values);
      expect(readyMs).toBeLessThan(90_000);
      expect(await release.helm('test', release.name, '--logs', '--timeout=120s')).not.toMatch(/FAIL/);
      const ledger = await createLedgerPod(release);
      const running = await ledger.start();
      const before = await release.primary();
      await release.kubectl('delete', 'pod', before);
      await pollUntil('another primary', 30_000, async () => (await release.namedPrimary())?.pod !== before, 500);
      await release.untilReady();
      const report = await running.stop();
      console.log(describeReport(`${what}, ready after ${readyMs} ms, primary’s pod deleted`, report));
      expect(report).toMatchObject({ lost: [] });
      expect(report.endGapMs).toBeLessThan(5_000);
    },
  );

  test('one Redis and one Sentinel, for a developer', async () => {
    await using release = new Release('single');
    await release.install('redis.replicas=1', 'redis.minReplicasToWrite=0', 'sentinel.replicas=1', 'sentinel.quorum=1');
    const pod = `${release.fullName}-redis-0`;
    await release.redis(pod, 'set', 'hf:s:one', 'one');
    await release.kubectl('delete', 'pod', pod);
    await release.kubectl('rollout', 'status', `statefulset/${release.fullName}-redis`, '--timeout=90s');
    expect(await release.redis(pod, 'get', 'hf:s:one')).toBe('one\n');
  }, 240_000);
});

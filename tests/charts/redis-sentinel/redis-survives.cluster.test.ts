import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { killContainer, missingCluster, Release } from './cluster-release.ts';
import { createLedgerPod, describeReport } from './ledger-pod.ts';

const reason = await missingCluster();

/** One release, and one fault after the other: each test begins and ends with all pods ready. */
describe.skipIf(reason !== undefined)(
  `no confirmed write is lost${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new Release('survives');
    let ledger: Awaited<ReturnType<typeof createLedgerPod>>;

    beforeAll(async () => {
      const readyMs = await release.install();
      console.log(`installed and ready after ${readyMs} ms`);
      expect(readyMs).toBeLessThan(90_000);
      ledger = await createLedgerPod(release);
    }, 300_000);
    afterAll(() => release[Symbol.asyncDispose]());

    test('when the primary’s pod is deleted: it hands over, and is back as a replica', async () => {
      const running = await ledger.start();
      const before = await release.primary();
      const { uid } = (await release.pod(before)).metadata;
      await release.kubectl('delete', 'pod', before, '--wait=false');
      await pollUntil('another primary', 30_000, async () => (await release.namedPrimary())?.pod !== before, 200);
      await pollUntil('a new pod', 60_000, async () => (await release.pod(before)).metadata.uid !== uid, 500);
      await release.untilReady();
      const report = await running.stop();
      console.log(describeReport('primary’s pod deleted', report));
      expect(report).toMatchObject({ lost: [] });
      expect(report.confirmed).toBeGreaterThan(50);
      expect(report.writeGapMs).toBeLessThan(5_000);
      expect(await release.said(before)).toContainEqual(expect.stringMatching(/^starting, the primary is/));
    }, 180_000);

    test('when the primary’s container is killed: it resumes in place', async () => {
      const running = await ledger.start();
      const before = await release.primary();
      await killContainer(await release.pod(before), 'redis');
      await pollUntil('a restart', 30_000, async () => {
        const [status] = (await release.pod(before)).status.containerStatuses ?? [];
        return (status?.restartCount ?? 0) > 0;
      });
      await release.untilReady();
      const report = await running.stop();
      console.log(describeReport('primary’s container killed', report));
      expect(report).toMatchObject({ lost: [] });
      expect(report.writeGapMs).toBeLessThan(10_000);
    }, 180_000);

    test('when the primary’s pod and volume are gone: the empty pod takes no role before a replica does', async () => {
      const running = await ledger.start();
      const before = await release.primary();
      const { uid } = (await release.pod(before)).metadata;
      await release.kubectl('delete', 'pvc', `data-${before}`, '--wait=false');
      await release.kubectl('delete', 'pod', before, '--force', '--grace-period=0', '--wait=false');
      await pollUntil('a new pod', 60_000, async () => (await release.pod(before)).metadata.uid !== uid, 500);
      await release.untilReady();
      const report = await running.stop();
      console.log(describeReport('primary’s pod and volume deleted', report));
      expect(report).toMatchObject({ lost: [] });
      expect(report.writeGapMs).toBeLessThan(20_000);
      expect(await release.primary()).not.toBe(before);
    }, 180_000);

    test('when the primary loses its data and is back at once: it refuses, though the Sentinels name it', async () => {
      const running = await ledger.start();
      const before = await release.primary();
      // As a container on a volume of memory is after a crash. Sentinel has noticed nothing when it asks for its role.
      await release.kubectl('exec', before, '-c', 'redis', '--', 'sh', '-c', 'rm -rf /data/appendonlydir /data/state');
      await killContainer(await release.pod(before), 'redis');
      await pollUntil('another primary', 60_000, async () => (await release.namedPrimary())?.pod !== before, 500);
      await release.untilReady();
      const report = await running.stop();
      console.log(describeReport('primary emptied and killed', report));
      expect(report).toMatchObject({ lost: [] });
      expect(report.confirmed).toBeGreaterThan(50);
      expect(await release.said(before)).toContainEqual(
        expect.stringMatching(/the volume is empty: waiting for a replica/),
      );
    }, 180_000);

    test('while both replicas hang: the primary takes no write that it alone would have', async () => {
      const primary = await release.primary();
      const replicas = (await release.pods('redis'))
        .map(({ metadata }) => metadata.name)
        .filter((name) => name !== primary);
      const signal = async (name: string) => {
        const kill = `kill -${name} $(pidof redis-server valkey-server)`;
        for (const pod of replicas) await release.kubectl('exec', pod, '-c', 'redis', '--', 'sh', '-c', kill);
      };
      const write = async () => await release.redis(primary, 'set', 'hf:s:alone', 'x');
      expect(await write()).toBe('OK\n');
      await signal('STOP');
      try {
        await pollUntil('a refusal', 30_000, async () => (await write()).startsWith('NOREPLICAS'), 500);
      } finally {
        await signal('CONT');
      }
      await pollUntil('writes again', 60_000, async () => (await write()) === 'OK\n', 500);
      await release.untilReady();
      expect(await release.primary()).toBe(primary);
    }, 180_000);

    test('when everything stops and starts again: the last primary resumes, whatever its number', async () => {
      const running = await ledger.start();
      if ((await release.primary()) === `${release.fullName}-redis-0`) {
        await release.kubectl('delete', 'pod', `${release.fullName}-redis-0`);
        await release.untilReady();
      }
      const before = await release.primary();
      expect(before).not.toBe(`${release.fullName}-redis-0`);
      const selector = 'app.kubernetes.io/name=redis-sentinel';
      await release.kubectl('delete', 'pods', '-l', selector, '--force', '--grace-period=0');
      await release.untilReady();
      const report = await running.stop();
      console.log(describeReport('cold start of everything, by force', report));
      expect(report).toMatchObject({ lost: [] });
      expect(await release.primary()).toBe(before);
    }, 240_000);

    test('when both sets are scaled to nothing and back', async () => {
      const running = await ledger.start();
      const sets = ['redis', 'sentinel'].map((component) => `statefulset/${release.fullName}-${component}`);
      await release.kubectl('scale', ...sets, '--replicas=0');
      await pollUntil('no pod left', 120_000, async () => (await release.pods('redis')).length === 0, 500);
      await pollUntil('no pod left', 60_000, async () => (await release.pods('sentinel')).length === 0, 500);
      await release.kubectl('scale', ...sets, '--replicas=3');
      await release.untilReady();
      const report = await running.stop();
      console.log(describeReport('scaled to 0 and back', report));
      expect(report).toMatchObject({ lost: [] });
    }, 300_000);
  },
);

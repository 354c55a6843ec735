import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster, Release } from './cluster-release.ts';

const reason = await missingCluster();

describe.skipIf(reason !== undefined)(
  `addresses that change${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new Release('again');
    const pod = (number: number) => `${release.fullName}-redis-${number}`;
    const clusterIp = async (name: string) =>
      await release.kubectl('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');

    beforeAll(async () => {
      await release.install();
    }, 300_000);
    afterAll(() => release[Symbol.asyncDispose]());

    test('uninstall leaves only volumes, and a reinstall finds the data, with pod 1 as the primary', async () => {
      await release.kubectl('delete', 'pod', pod(0));
      await release.untilReady();
      const before = await release.primary();
      expect(before).not.toBe(pod(0));
      await release.redis(before, 'set', 'hf:s:kept', 'kept');
      await release.helm('uninstall', release.name, '--wait');
      const kinds = 'all,configmap,secret,serviceaccount,networkpolicy,poddisruptionbudget,persistentvolumeclaim';
      const left = await pollUntil('the pods gone', 120_000, async () => {
        const names = (await release.kubectl('get', kinds, '-o', 'name')).trim().split('\n').sort();
        return names.some((name) => name.startsWith('pod/')) ? false : names;
      });
      const claims = ['redis', 'sentinel'].flatMap((component) =>
        [0, 1, 2].map((number) => `persistentvolumeclaim/data-${release.fullName}-${component}-${number}`),
      );
      expect(left.filter((name) => !/kube-root-ca.crt|serviceaccount\/default/.test(name))).toEqual(claims);
      const readyMs = await release.install();
      console.log(`reinstalled on the old volumes, ready after ${readyMs} ms`);
      expect(await release.primary()).toBe(before);
      expect(await release.redis(before, 'get', 'hf:s:kept')).toBe('kept\n');
    }, 400_000);

    test('a Service of a replica that was made anew is noticed: the replica announces the new address', async () => {
      const primary = await release.primary();
      const replica = [0, 1, 2].map(pod).find((name) => name !== primary) as string;
      const old = await recreateService(replica);
      expect(await clusterIp(replica)).not.toBe(old);
      await pollUntil(
        'the replica known by its new address',
        150_000,
        async () => (await release.redis(primary, 'info', 'replication')).includes(`ip=${await clusterIp(replica)},`),
        2000,
      );
      await release.untilReady();
      expect(await release.primary()).toBe(primary);
    }, 240_000);

    test('a Service of the primary that was made anew: another takes over, and the old one joins again', async () => {
      const before = await release.primary();
      await release.redis(before, 'set', 'hf:s:moved', 'moved');
      await recreateService(before);
      await pollUntil(
        'another primary',
        60_000,
        async () => ((await release.namedPrimary())?.pod ?? before) !== before,
        1000,
      );
      await pollUntil(
        'the old primary as a replica',
        150_000,
        async () => (await release.redis(before, 'role')).startsWith('slave'),
        2000,
      );
      await release.untilReady();
      const primary = await release.primary();
      expect(await release.redis(primary, 'get', 'hf:s:moved')).toBe('moved\n');
      await pollUntil(
        'two replicas',
        60_000,
        async () => (await release.redis(primary, 'info', 'replication')).match(/state=online/g)?.length === 2,
        1000,
      );
    }, 300_000);

    test('Sentinels that lost their volumes ask Redis who the primary is', async () => {
      const primary = await release.primary();
      const claims = [0, 1, 2].map((number) => `data-${release.fullName}-sentinel-${number}`);
      await release.kubectl('delete', 'pvc', '--wait=false', ...claims);
      await release.kubectl('delete', 'pod', '-l', 'app.kubernetes.io/component=sentinel');
      await release.untilReady();
      expect(await release.primary()).toBe(primary);
    }, 240_000);

    test('when nobody knows the primary any more, no pod guesses: an operator names it', async () => {
      const before = await release.primary();
      await release.redis(before, 'set', 'hf:s:named', 'named');
      const sets = ['redis', 'sentinel'].map((component) => `statefulset/${release.fullName}-${component}`);
      await release.kubectl('scale', ...sets, '--replicas=0');
      await pollUntil('no pod left', 120_000, async () => (await release.pods('redis')).length === 0, 500);
      const claims = [0, 1, 2].map((number) => `data-${release.fullName}-sentinel-${number}`);
      await release.kubectl('delete', 'pvc', ...claims);
      await release.kubectl('scale', ...sets, '--replicas=3');
      for (const number of [0, 1, 2]) {
        await pollUntil(
          'a pod that says why it waits',
          120_000,
          async () => (await release.said(pod(number))).some((line) => /the Sentinels know of no primary/.test(line)),
          1000,
        );
      }
      await release.kubectl(
        ...['exec', `${release.fullName}-sentinel-0`, '-c', 'sentinel', '--'],
        ...['sh', '/scripts/name-primary.sh', await clusterIp(before)],
      );
      await release.untilReady();
      expect(await release.primary()).toBe(before);
      expect(await release.redis(before, 'get', 'hf:s:named')).toBe('named\n');
    }, 300_000);

    /** Deletes it and takes its address, so that it comes back with another one. */
    async function recreateService(name: string): Promise<string> {
      const service = JSON.parse(await release.kubectl('get', 'service', name, '-o', 'json'));
      const { clusterIP, clusterIPs: _, ...spec } = service.spec;
      await release.kubectl('delete', 'service', name);
      await release.apply({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, labels: service.metadata.labels, annotations: service.metadata.annotations },
        spec,
      });
      return clusterIP;
    }
  },
);

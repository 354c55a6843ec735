import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster, Release } from './cluster-release.ts';

const reason = await missingCluster();
const atLeastMs = 10_000;

/** Sentinel may spin on a connection that the network of a new pod refused at first (redis/redis#9956): with all the CPU it gets, for ever. */
describe.skipIf(reason !== undefined)(
  `no Sentinel is busy with nothing${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new Release('idle');

    beforeAll(async () => {
      await release.install();
    }, 300_000);
    afterAll(() => release[Symbol.asyncDispose]());

    test('all are idle after pods of both sets were replaced', async () => {
      for (const component of ['sentinel', 'redis']) {
        for (const number of [0, 1, 2]) {
          await release.kubectl('delete', 'pod', `${release.fullName}-${component}-${number}`);
          await release.untilReady();
        }
      }
      const shares = await Promise.all([0, 1, 2].map((number) => untilIdle(number)));
      console.log(`Sentinels idle: ${shares.map((share) => `${(share * 100).toFixed(1)} %`).join(', ')} of a core`);
    }, 400_000);

    test('one that is busy all the time is restarted, says why, and is idle again', async () => {
      const pod = `${release.fullName}-sentinel-1`;
      const restarts = async () =>
        (await release.said(pod, 'sentinel')).filter((line) => /restarting it/.test(line)).length;
      const [before, kubelet] = [await restarts(), await restartsByKubelet(pod)];
      // From another container: one's limit of CPU is shared by all that runs in it.
      const address = await release.kubectl('get', 'service', pod, '-o', 'jsonpath={.spec.clusterIP}');
      const benchmark = '"$(command -v valkey-benchmark || command -v redis-benchmark)"';
      const flood = `timeout 100 ${benchmark} -h ${address} -p 26379 -P 32 -n 1000000000 -q ping`;
      const flooding = release
        .kubectl('exec', `${release.fullName}-redis-0`, '-c', 'redis', '--', 'sh', '-c', flood)
        .catch(() => undefined);
      await pollUntil('a restart', 100_000, async () => (await restarts()) > before, 1000);
      await flooding;
      await untilIdle(1);
      await release.untilReady();
      // The entrypoint restarted it, not the kubelet.
      expect(await restartsByKubelet(pod)).toBe(kubelet);
    }, 300_000);

    async function restartsByKubelet(pod: string): Promise<number> {
      return (await release.pod(pod)).status.containerStatuses?.[0]?.restartCount ?? 0;
    }

    /** The share of a core that a Sentinel used over ten seconds, once that is below a twentieth. */
    async function untilIdle(number: number): Promise<number> {
      let before = await usedCpu(number);
      return await pollUntil(
        `Sentinel ${number} idle`,
        90_000,
        async () => {
          const now = await usedCpu(number);
          const ms = now.atMs - before.atMs;
          if (now.pid !== before.pid) before = now;
          if (ms < atLeastMs || now.pid !== before.pid) return undefined;
          const share = (now.ticks - before.ticks) / ms / 0.1;
          before = now;
          return share < 0.05 ? share : undefined;
        },
        1000,
      );
    }

    async function usedCpu(number: number): Promise<{ pid: string; ticks: number; atMs: number }> {
      const stat = 'cat "/proc/$(pidof redis-server valkey-server)/stat"';
      const pod = `${release.fullName}-sentinel-${number}`;
      const fields = (await release.kubectl('exec', pod, '-c', 'sentinel', '--', 'sh', '-c', stat)).split(' ');
      // utime and stime, in hundredths of a second (proc_pid_stat(5)).
      return { pid: fields[0] ?? '', ticks: Number(fields[13]) + Number(fields[14]), atMs: performance.now() };
    }
  },
);

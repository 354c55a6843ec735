import { podName, type RunningRelease } from '../../support/cluster/running-release.ts';
import { pollUntil } from '../../support/poll-until.ts';

const BUSY_SHARE = 0.05;
const SAMPLE_MS = 5000;

/** @throws Error where a Sentinel knows more or others than the pods there are */
export async function requireKnownAddresses(release: RunningRelease): Promise<void> {
  for (const component of ['redis', 'sentinel'] as const) {
    const addresses = await release.addresses(component);
    const list = component === 'redis' ? 'replicas' : 'sentinels';
    for (const pod of (await release.pods('sentinel')).map(podName)) {
      const answer = await release.runSentinel(pod, `$ask sentinel ${list} "$MASTER_NAME"`);
      const known = [...answer.matchAll(/^ip\n(.*)$/gm)].map(([, ip = '']) => ip);
      const stale = known.filter((ip) => !addresses.has(ip));
      if (stale.length > 0 || known.length !== addresses.size - 1)
        throw new Error(`${pod} knows ${known.length} ${list}, of which no pod has ${stale.join(', ') || 'none'}`);
    }
  }
}

/** @returns the share of a core that each uses. @throws Error when one stays busy for a minute and a half */
export async function requireIdleSentinels(release: RunningRelease): Promise<number[]> {
  const pods = (await release.pods('sentinel')).map(podName);
  return await Promise.all(pods.map((pod) => untilIdle(release, pod)));
}

async function untilIdle(release: RunningRelease, pod: string): Promise<number> {
  let before = await readTicks(release, pod);
  return await pollUntil(
    `${pod} idle`,
    90_000,
    async () => {
      const now = await readTicks(release, pod);
      const ms = now.atMs - before.atMs;
      if (now.pid === before.pid && ms < SAMPLE_MS) return undefined;
      // utime and stime count hundredths of a second.
      const share = (now.ticks - before.ticks) / (ms / 10);
      const same = now.pid === before.pid;
      before = now;
      return same && share < BUSY_SHARE ? share : undefined;
    },
    1000,
  );
}

/** Field 14 and 15 of proc_pid_stat(5), of the Sentinel and not of the shell around it. */
async function readTicks(release: RunningRelease, pod: string) {
  const stat = await release.run(pod, 'sentinel', ['sh', '-c', 'cat "/proc/$(pidof redis-server valkey-server)/stat"']);
  const fields = stat.split(' ');
  return { pid: fields[0] ?? '', ticks: Number(fields[13]) + Number(fields[14]), atMs: performance.now() };
}

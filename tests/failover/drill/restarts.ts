import type { RunningRelease } from '../../support/cluster/running-release.ts';
import { pollUntil } from '../../support/poll-until.ts';

/** How often the kubelet has started the pod's containers again. */
export async function countRestarts(release: RunningRelease, pod: string): Promise<number> {
  const { status } = await release.pod(pod);
  return (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

export async function untilRestarted(release: RunningRelease, pod: string, before: number): Promise<void> {
  await pollUntil(
    `${pod} started again`,
    90_000,
    async () => {
      const { status } = await release.pod(pod);
      const running = status?.containerStatuses?.every(({ state }) => state?.running);
      return running && (await countRestarts(release, pod)) > before;
    },
    250,
  );
}

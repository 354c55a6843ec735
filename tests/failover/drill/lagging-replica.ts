import { podName, type RunningRelease } from '../../support/cluster/running-release.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { crashUntilReplaced, whileBroken } from './faults.ts';
import type { Drill } from './scenario.ts';

/** One of the replicas: the same at every call, for the same primary. */
export async function chooseReplica(release: RunningRelease, primary: string): Promise<string> {
  return podName((await release.pods('redis')).find((pod) => podName(pod) !== primary) ?? {});
}

/** The replica goes on following, but could not begin again with any primary, until the returned is disposed of. */
export async function takePassword(release: RunningRelease, replica: string): Promise<AsyncDisposable> {
  await release.askRedis(replica, 'config', 'set', 'masterauth', 'taken-away-by-a-drill');
  const script = "tr -d '\\n' </etc/holdfast/secrets/replica | sh /scripts/admin.sh -x config set masterauth";
  return {
    [Symbol.asyncDispose]: async () => {
      await release.run(replica, 'redis', ['sh', '-c', script]);
    },
  };
}

/** The replica keeps what it has and gets nothing new, whoever is the primary, until the returned is disposed of. */
export async function stopFollowing(release: RunningRelease, replica: string): Promise<AsyncDisposable> {
  return await whileBroken(await takePassword(release, replica), async () => {
    await release.askRedis(replica, 'client', 'kill', 'type', 'master');
    await pollUntil(
      `${replica} behind`,
      20_000,
      async () => (await release.askRedis(replica, 'info', 'replication')).includes('master_link_status:down'),
      250,
    );
  });
}

/**
 * The primary's offset becomes that of one which has been the primary for days: messages to nobody are replicated, and no key
 * changes. Redis takes none of more than 1 MiB (`proto-max-bulk-len`).
 */
export async function lengthenHistory(release: RunningRelease, primary: string): Promise<void> {
  const script =
    'for message in 1 2 3 4 5 6 7 8 9 10; do head -c 1000000 /dev/zero | sh /scripts/admin.sh -x publish a-drill || exit; done';
  await release.run(primary, 'redis', ['sh', '-c', script]);
}

/** @throws Error when the replica that lacks something was promoted */
export function requireOther(successor: string, lagging: string): void {
  if (successor === lagging)
    throw new Error(`${successor} was promoted, which lacks what only the other replica had confirmed`);
}

/** Kills the primary as often as it comes back. @throws Error as {@link requireOther} */
export async function crashUntilOtherWins(drill: Drill): Promise<void> {
  requireOther(await crashUntilReplaced(drill), await chooseReplica(drill.release, drill.primary));
}

import { killContainer, pauseContainer } from '../../support/cluster/container-faults.ts';
import type { RunningRelease } from '../../support/cluster/running-release.ts';
import { pollUntil } from '../../support/poll-until.ts';
import type { Drill } from './scenario.ts';

/** Whether the drill can reach the machines below the cluster, which only `npm run cluster:up` gives it. */
export async function hasNodeAccess({ cluster }: RunningRelease): Promise<boolean> {
  return await cluster.faults().then(
    () => true,
    () => false,
  );
}

/** The server is gone without a word, as after a crash, and the kubelet starts its container again. */
export async function crash(release: RunningRelease, pod: string, container: 'redis' | 'sentinel'): Promise<void> {
  const { cluster, namespace } = release;
  if (await hasNodeAccess(release)) await killContainer(cluster, { namespace, pod, container });
  else await signal(release, pod, container, 'KILL');
}

/** Its connections stay open and silent, until the returned is disposed of. */
export async function hang(
  release: RunningRelease,
  pod: string,
  container: 'redis' | 'sentinel',
): Promise<AsyncDisposable> {
  const { cluster, namespace } = release;
  if (await hasNodeAccess(release)) return await pauseContainer(cluster, { namespace, pod, container });
  await signal(release, pod, container, 'STOP');
  return {
    // The kubelet may have killed it meanwhile, for a liveness probe without an answer: then there is nothing to resume.
    [Symbol.asyncDispose]: async () => await signal(release, pod, container, 'CONT').catch(() => undefined),
  };
}

/** Kills the primary's container as often as it comes back, until there is another primary. @returns that one */
export async function crashUntilReplaced({ release, primary, mark }: Drill): Promise<string> {
  return await pollUntil(
    `another primary than ${primary}`,
    90_000,
    async () => {
      const named = (await release.namedPrimary()) ?? primary;
      if (named !== primary) return named;
      const { status } = await release.pod(primary);
      if (!status?.containerStatuses?.[0]?.state?.running) return undefined;
      await crash(release, primary, 'redis');
      mark('fault', `${primary} is killed again`);
      return undefined;
    },
    250,
  );
}

/** @param graceSeconds 0: it is not told, and has no time to hand over */
export async function deletePod({ cluster, namespace }: RunningRelease, name: string, graceSeconds?: number) {
  const grace = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
  await cluster.core.deleteNamespacedPod({ namespace, name, ...grace });
}

/** Does what comes next while something is broken, and mends that where it fails. @returns what mends it otherwise */
export async function whileBroken(undo: AsyncDisposable, work: () => Promise<void>): Promise<AsyncDisposable> {
  try {
    await work();
    return undo;
  } catch (error) {
    await undo[Symbol.asyncDispose]();
    throw error;
  }
}

/** Calls all undos, the last first, also where one fails. */
export function undoAll(...undos: AsyncDisposable[]): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  for (const undo of undos) stack.use(undo);
  return stack;
}

/** To the server and not to the entrypoint that waits for it: process 1 of a container can't be killed from inside. */
async function signal(release: RunningRelease, pod: string, container: string, name: string): Promise<void> {
  await release.run(pod, container, ['sh', '-c', `kill -${name} $(pidof redis-server valkey-server)`]);
}

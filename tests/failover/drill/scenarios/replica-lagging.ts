import { pollUntil } from '../../../support/poll-until.ts';
import { type DrilledRelease, podName } from '../drilled-release.ts';
import { hang, undoAll } from '../faults.ts';
import type { Scenario } from '../scenario.ts';

export const replicaLagging: Scenario = {
  name: 'replica-lagging',
  title: 'A replica lags behind when the primary is lost',
  explanation:
    'One replica can’t follow any more (the password it uses is taken from it), so all that is confirmed from then on is confirmed by the other one alone. Then the primary hangs. Both are candidates; the one that confirmed must win, or every login that the other lacks is lost.',
  needs: [],
  limits: {},
  inject: async ({ release, primary, mark, untilServing }) => {
    const lagging = await chooseLagging(release, primary);
    const restore = {
      [Symbol.asyncDispose]: async () => {
        const script = "tr -d '\\n' </etc/holdfast/secrets/replica | sh /scripts/admin.sh -x config set masterauth";
        await release.run(lagging, 'redis', ['sh', '-c', script]);
      },
    };
    try {
      await release.askRedis(lagging, 'config', 'set', 'masterauth', 'taken-away-by-a-drill');
      await release.askRedis(lagging, 'client', 'kill', 'type', 'master');
      mark('fault', `${lagging} can’t follow any more`);
      await pollUntil(
        `${lagging} behind`,
        20_000,
        async () => (await release.askRedis(lagging, 'info', 'replication')).includes('master_link_status:down'),
        250,
      );
      await untilServing(10);
      mark('fault', `${primary} is stopped`);
      return undoAll(restore, await hang(release, primary, 'redis'));
    } catch (error) {
      await restore[Symbol.asyncDispose]();
      throw error;
    }
  },
  // Until one of the others can follow it the successor takes no writes, so those are not waited for.
  observe: async ({ release, primary }) => {
    const successor = await release.untilReplaced(primary);
    if (successor === (await chooseLagging(release, primary)))
      throw new Error(`${successor} was promoted, which lacks what only the other replica had confirmed`);
  },
};

/** The same at every call, for the same primary. */
async function chooseLagging(release: DrilledRelease, primary: string): Promise<string> {
  return podName((await release.pods('redis')).find((pod) => podName(pod) !== primary) ?? {});
}

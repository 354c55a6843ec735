import {
  NetworkingV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1NetworkPolicyEgressRule,
} from '@kubernetes/client-node';
import { podName, type RunningRelease } from '../../../support/cluster/running-release.ts';
import { pollUntil } from '../../../support/poll-until.ts';
import { crash, crashUntilReplaced } from '../faults.ts';
import type { Scenario } from '../scenario.ts';

const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

export const dnsGone: Scenario = {
  name: 'dns-gone',
  title: 'There is no DNS while the primary crashes, again and again',
  explanation:
    'The release’s network policies no longer let its pods ask DNS, and the primary crashes as often as it comes back, until it is replaced. Redis and Sentinel are known by number to each other and to the services, so an outage of DNS must not keep anybody from finding the new primary.',
  needs: [],
  limits: {},
  inject: async ({ release, primary, mark }) => {
    const dns = await takeDns(release);
    try {
      await untilNoDns(release);
      mark('drill', 'no pod of the release reaches DNS');
      mark('fault', `${primary} is killed`);
      await crash(release, primary, 'redis');
      return dns;
    } catch (error) {
      await dns[Symbol.asyncDispose]();
      throw error;
    }
  },
  observe: async (drill) => {
    await crashUntilReplaced(drill);
    await drill.untilServing();
  },
};

async function takeDns(release: RunningRelease): Promise<AsyncDisposable> {
  const networking = release.cluster.config.makeApiClient(NetworkingV1Api);
  const { namespace } = release;
  const { items } = await networking.listNamespacedNetworkPolicy({ namespace, labelSelector: release.selector() });
  const policies = items.filter(({ spec }) => spec?.egress?.some(isDns));
  if (policies.length === 0)
    throw new Error(
      'the release has no network policy that lets it ask DNS: set networkPolicy.enabled, or leave this drill out',
    );
  const patch = async (name = '', body: object) =>
    await networking.patchNamespacedNetworkPolicy({ namespace, name, body }, merge);
  const setEgress = (name: string | undefined, egress: V1NetworkPolicyEgressRule[] = []) =>
    patch(name, { spec: { egress } });
  const undo = async () => {
    for (const { metadata, spec } of policies) {
      await setEgress(metadata?.name, spec?.egress);
      // Else the rules stay ours, and the next helm upgrade that applies them fails for a conflict.
      await patch(metadata?.name, { metadata: { managedFields: metadata?.managedFields } });
    }
  };
  for (const { metadata, spec } of policies)
    await setEgress(
      metadata?.name,
      spec?.egress?.filter((rule) => !isDns(rule)),
    );
  return { [Symbol.asyncDispose]: undo };
}

function isDns({ ports }: V1NetworkPolicyEgressRule): boolean {
  return ports?.some(({ port }) => port === 53 || port === 5353) ?? false;
}

/** A refusal to answer is an answer too. */
const question = `new (require('node:dns').promises.Resolver)({ timeout: 700, tries: 1 })
  .resolve4('kubernetes.default.svc.cluster.local')
  .then(() => console.log('answered'), ({ code }) => console.log(code === 'ENOTFOUND' ? 'answered' : 'silent'))`;

async function untilNoDns(release: RunningRelease): Promise<void> {
  for (const component of ['auth', 'orders'] as const) {
    const pod = podName((await release.pods(component))[0] ?? {});
    await pollUntil(
      `${pod} without DNS`,
      30_000,
      async () => (await release.run(pod, component, ['node', '-e', question])).trim() === 'silent',
      250,
    );
  }
}

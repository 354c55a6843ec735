import { makeInformer, type V1Pod } from '@kubernetes/client-node';
import { followLogs } from '../../support/cluster/follow-logs.ts';
import { podName, type RunningRelease } from '../../support/cluster/running-release.ts';
import { isReady } from '../../support/cluster/wait-for-pod.ts';
import type { DrillEvent, PodState } from './drill-event.ts';

/** What a reader wants to know of what Sentinel logs. */
export const sentinelEvents: Readonly<Record<string, string>> = {
  '+sdown master': 'misses the primary',
  '-sdown master': 'hears the primary again',
  '+odown master': 'and enough others miss the primary: a failover is due',
  '+try-failover master': 'asks to lead the failover',
  '+vote-for-leader': 'votes for one to lead the failover',
  '-failover-abort-no-good-slave master': 'found no replica to promote',
  '-failover-abort-not-elected master': 'was not elected to lead the failover',
  '-failover-abort-slave-timeout master': 'gave up on the replica it chose',
  '+selected-slave slave': 'chose the replica to promote',
  '+switch-master': 'names another primary',
  '+convert-to-slave slave': 'makes the old primary a replica',
  '+tilt': 'does not trust its clock, and only watches',
};

export interface ReleaseWatch extends AsyncDisposable {
  readonly events: DrillEvent[];
  readonly podStates: PodState[];
}

/** Writes down what pods, Sentinels and the entrypoints of Redis do, as it happens. */
export async function watchRelease(
  release: RunningRelease,
  onEvent: (event: DrillEvent) => void,
): Promise<ReleaseWatch> {
  const since = new Date();
  const abort = new AbortController();
  const { events, podStates }: { events: DrillEvent[]; podStates: PodState[] } = { events: [], podStates: [] };
  const names = new Map([...(await release.addresses('redis')), ...(await release.addresses('sentinel'))]);
  const elected = new Set<string>();
  const add = (event: DrillEvent) => {
    events.push(event);
    onEvent(event);
  };

  const readSentinel = (pod: string, atMs: number, text: string) => {
    const event = readSentinelLine(text, names);
    if (event === undefined) return;
    const { what, primary } = event;
    // Each Sentinel says so; the first is the news.
    if (primary !== undefined && !elected.has(`${primary} ${event.former}`)) {
      elected.add(`${primary} ${event.former}`);
      if (events.findLast(({ kind }) => kind === 'election')?.primary !== primary)
        add({ atMs, kind: 'election', text: `Sentinel names ${primary} as the primary`, primary });
    }
    add({ atMs, kind: 'sentinel', text: `${pod} ${what}` });
  };
  const readRedis = (pod: string, atMs: number, text: string) => {
    if (!text.startsWith('holdfast: ')) return;
    const said = text.slice('holdfast: '.length).replace(/\d+(\.\d+){3}/g, (address) => names.get(address) ?? address);
    add({ atMs, kind: 'redis', text: `${pod}: ${said}` });
  };

  // By name: who comes after it is followed as well.
  const seen = new Set<string>();
  const read = (pod: V1Pod) => {
    const component = pod.metadata?.labels?.['app.kubernetes.io/component'];
    if (seen.has(podName(pod)) || (component !== 'redis' && component !== 'sentinel')) return;
    seen.add(podName(pod));
    const ref = { namespace: release.namespace, pod: podName(pod), container: component };
    const onLine = component === 'redis' ? readRedis : readSentinel;
    void followLogs(release.cluster, ref, since, (atMs, text) => onLine(ref.pod, atMs, text), abort.signal);
  };

  const states = new Map<string, PodState['state']>();
  const note = (pod: V1Pod, state: PodState['state']) => {
    const name = podName(pod);
    const former = states.get(name);
    if (former === state) return;
    states.set(name, state);
    podStates.push({ atMs: Date.now(), pod: name, state });
    if (former !== undefined) add({ atMs: Date.now(), kind: 'pod', text: `${name} is ${state}` });
  };
  const path = `/api/v1/namespaces/${release.namespace}/pods`;
  const list = () =>
    release.cluster.core.listNamespacedPod({ namespace: release.namespace, labelSelector: release.selector() });
  const informer = makeInformer<V1Pod>(release.cluster.config, path, list, release.selector());
  informer.on('change', (pod) => {
    read(pod);
    note(pod, stateOf(pod));
  });
  informer.on('add', (pod) => {
    read(pod);
    note(pod, stateOf(pod));
  });
  informer.on('delete', (pod) => note(pod, 'gone'));
  informer.on('error', () => {
    if (!abort.signal.aborted) setTimeout(() => void informer.start().catch(() => undefined), 500).unref();
  });
  await informer.start();

  return {
    events,
    podStates,
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await informer.stop();
    },
  };
}

function stateOf(pod: V1Pod): PodState['state'] {
  if (isReady(pod)) return 'ready';
  return pod.status?.containerStatuses?.some(({ state }) => state?.running) ? 'running' : 'starting';
}

interface SentinelEvent {
  what: string;
  former?: string;
  primary?: string;
}

/** As `8:X 25 Nov 2026 02:00:00.000 # +sdown master <name> <ip> <port>`, or `+switch-master <name> <ip> <port> <ip> <port>`. */
function readSentinelLine(text: string, names: ReadonlyMap<string, string>): SentinelEvent | undefined {
  const [, words = ''] = /^\d+:X .{20,30} [*#] ([+-].*)$/.exec(text) ?? [];
  const known = Object.keys(sentinelEvents).find((each) => words === each || words.startsWith(`${each} `));
  if (known === undefined) return undefined;
  const what = sentinelEvents[known] ?? '';
  const [, , former = '', , next = ''] = words.split(' ');
  if (known !== '+switch-master') {
    const [subject] = words.slice(known.length).match(/\d+(\.\d+){3}/) ?? [];
    return { what: subject === undefined ? what : `${what} (${names.get(subject) ?? subject})` };
  }
  const primary = names.get(next) ?? next;
  return { what: `${what}: ${primary}`, former, primary };
}

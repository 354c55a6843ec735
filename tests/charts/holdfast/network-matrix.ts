import { webPodSpec } from '../../cluster/web-pods.ts';
import type { Source, Targets } from './find-reachable.ts';
import type { HoldfastRelease } from './holdfast-release.ts';

export interface NetworkRow {
  readonly from: string;
  readonly source: Source;
  readonly reaches: readonly string[];
  /** The source's own, which no policy keeps it from. */
  readonly own?: string;
}

export interface NetworkMatrix {
  /** Every target is reached by some source, so none is shut for another reason. */
  readonly targets: Targets;
  readonly rows: readonly NetworkRow[];
}

export const strangerLabels = {
  'app.kubernetes.io/part-of': 'holdfast',
  'holdfast.dev/redis-client': 'true',
  'holdfast.dev/http-client': 'true',
};

/** A pod that listens on 8080, and from which others can be tried. */
export function strangerPod(labels: Record<string, string>, name = 'stranger') {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: webPodSpec() };
}

/**
 * Who may connect where. `ingress` is a namespace that may send requests, `monitoring` one that may read metrics and whose
 * pod has the labels that count in the release's own namespace; each has a pod `stranger`, as has the release's, which has a
 * `client` too.
 */
export async function describeNetwork(
  release: HoldfastRelease,
  { ingress, monitoring }: { ingress: string; monitoring: string },
): Promise<NetworkMatrix> {
  const read = async (...args: string[]) => JSON.parse(await release.kubectl('get', ...args, '-o', 'json'));
  const service = async (name: string, port: number) => ({
    address: (await read('service', `${release.name}-${name}`)).spec.clusterIP as string,
    port,
  });
  const podAddress = async (name: string) => (await read('pod', name)).status.podIP as string;
  const [auth, orders] = [await release.pod('auth'), await release.pod('orders')];
  const apiServer = (await read('endpointslices', '-n', 'default', '-l', 'kubernetes.io/service-name=kubernetes'))
    .items[0];
  const targets: Record<string, Targets[string]> = {
    auth: await service('holdfast-auth', 80),
    orders: await service('holdfast-orders', 80),
    postgres: await service('holdfast-postgres', 5432),
    metrics: { address: await podAddress(auth), port: 9464 },
    stranger: { address: await podAddress('stranger'), port: 8080 },
    outside: { address: apiServer.endpoints[0].addresses[0], port: apiServer.ports[0].port },
  };
  for (const number of [0, 1, 2]) {
    targets[`redis-${number}`] = await service(`redis-sentinel-redis-${number}`, 6379);
    targets[`sentinel-${number}`] = await service(`redis-sentinel-sentinel-${number}`, 26379);
  }
  const redis = ['redis-0', 'redis-1', 'redis-2', 'sentinel-0', 'sentinel-1', 'sentinel-2'];
  const others = (own: string) => redis.filter((name) => name !== own);
  const ofSet = (name: string): Source => ({
    pod: `${release.name}-redis-sentinel-${name}`,
    container: name.replace(/-\d$/, ''),
  });
  const stranger = { pod: 'stranger' };
  const rows: NetworkRow[] = [
    { from: 'auth', source: { pod: auth }, reaches: redis, own: 'metrics' },
    { from: 'orders', source: { pod: orders }, reaches: [...redis, 'auth', 'postgres'] },
    { from: 'redis-0', source: ofSet('redis-0'), reaches: others('redis-0'), own: 'redis-0' },
    { from: 'sentinel-0', source: ofSet('sentinel-0'), reaches: others('sentinel-0'), own: 'sentinel-0' },
    { from: 'postgres', source: { pod: `${release.name}-holdfast-postgres-0` }, reaches: [] },
    { from: 'client', source: { pod: 'client' }, reaches: ['auth', 'orders', 'stranger', 'outside'] },
    { from: 'stranger', source: stranger, reaches: ['outside'], own: 'stranger' },
    {
      from: 'a pod of the ingress namespace',
      source: { ...stranger, namespace: ingress },
      reaches: ['auth', 'orders', 'stranger', 'outside'],
    },
    {
      from: 'a pod with all the labels in another namespace',
      source: { ...stranger, namespace: monitoring },
      reaches: ['metrics', 'stranger', 'outside'],
    },
  ];
  return { targets, rows };
}

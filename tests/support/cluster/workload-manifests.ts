import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KubernetesObject, NetworkingV1Api, type V1Container } from '@kubernetes/client-node';
import type { LedgeredUser } from '../ask-ledgered.ts';
import type { RunningRelease } from './running-release.ts';

export type Credentials = Omit<LedgeredUser, 'id'>;

export interface WorkloadSettings {
  /**
   * Which side of a node the clients are on; anywhere where it is left out. On it, they ask the pods there: of the Service's
   * others they would soon wait for one that can't be reached.
   */
  readonly place?: { readonly node: string; readonly on: boolean };
  /** Of the program: PACE_MS, KEEPERS, JWT_CLIENTS, CYCLES, PATIENCE_MS. */
  readonly env?: Readonly<Record<string, string>>;
}

const support = join(import.meta.dirname, '..');
const program = 'workload-program.ts';
const files = [program, 'session-workload.ts', 'ask-ledgered.ts', 'ledger.ts', 'poll-until.ts'];

/** The pod of the clients with its program and its users, all of one name. */
export async function makeWorkloadManifests(
  release: RunningRelease,
  name: string,
  users: readonly Credentials[],
  settings: WorkloadSettings,
): Promise<KubernetesObject[]> {
  const metadata = { name, namespace: release.namespace };
  const data: Record<string, string> = { 'package.json': '{"type":"module"}' };
  for (const file of files) data[file] = await readFile(join(support, file), 'utf8');
  const labels = { 'app.kubernetes.io/name': 'holdfast-drill', ...(await readClientLabels(release)) };
  const objects: (KubernetesObject & Record<string, unknown>)[] = [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'users.json': JSON.stringify(users) } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels },
      spec: await makePodSpec(release, name, settings),
    },
  ];
  return objects;
}

async function makePodSpec(release: RunningRelease, name: string, settings: WorkloadSettings) {
  const { place } = settings;
  const { cluster, namespace } = release;
  const labelSelector = release.selector('auth');
  const { items } = await cluster.apps.listNamespacedDeployment({ namespace, labelSelector });
  const auth = items[0]?.spec?.template.spec;
  const user = { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 };
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    // It is to see the outage to its end, wherever it comes from.
    tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
    ...(place === undefined ? {} : { affinity: { nodeAffinity: makeNodeAffinity(place) } }),
    ...(auth?.imagePullSecrets ? { imagePullSecrets: auth.imagePullSecrets } : {}),
    securityContext: { ...user, seccompProfile: { type: 'RuntimeDefault' } },
    volumes: [
      { name: 'program', configMap: { name } },
      { name: 'users', secret: { secretName: name, defaultMode: 0o440 } },
    ],
    containers: [await makeContainer(release, auth?.containers[0]?.image, settings)],
  };
}

function makeNodeAffinity({ node, on }: { node: string; on: boolean }) {
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: on ? 'In' : 'NotIn', values: [node] }];
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } };
}

async function makeContainer(
  release: RunningRelease,
  image: string | undefined,
  { place, env = {} }: WorkloadSettings,
): Promise<V1Container> {
  const node = place?.on ? place.node : undefined;
  return {
    name: 'workload',
    // One that has Node, and that the node has already.
    ...(image === undefined ? {} : { image }),
    command: ['node', `/program/${program}`],
    env: [
      // By number: the names are one of the things that a drill takes away.
      { name: 'AUTH_URL', value: await readUrl(release, 'auth', node) },
      { name: 'ORDERS_URL', value: await readUrl(release, 'orders', node) },
      { name: 'USERS_FILE', value: '/users/users.json' },
      ...Object.entries(env).map(([name, value]) => ({ name, value })),
    ],
    resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: [
      { name: 'program', mountPath: '/program', readOnly: true },
      { name: 'users', mountPath: '/users', readOnly: true },
    ],
  };
}

/** Of the component's pod on that node; of its Service where there is none, or no node is given. */
async function readUrl(release: RunningRelease, component: 'auth' | 'orders', node?: string): Promise<string> {
  const { cluster, namespace } = release;
  const near = node && (await release.pods(component)).find((pod) => pod.spec?.nodeName === node);
  if (near) return `http://${near.status?.podIP}:${near.spec?.containers[0]?.ports?.[0]?.containerPort}`;
  const labelSelector = release.selector(component);
  const { items } = await cluster.core.listNamespacedService({ namespace, labelSelector });
  const spec = items[0]?.spec;
  return `http://${spec?.clusterIP}:${spec?.ports?.[0]?.port}`;
}

/** Those that the release's own network policy asks of pods in its namespace. */
async function readClientLabels(release: RunningRelease): Promise<Record<string, string>> {
  const networking = release.cluster.config.makeApiClient(NetworkingV1Api);
  const { namespace } = release;
  const { items } = await networking.listNamespacedNetworkPolicy({
    namespace,
    labelSelector: release.selector('auth'),
  });
  const peers = items.flatMap(({ spec }) => spec?.ingress?.flatMap((rule) => rule._from ?? []) ?? []);
  const own = peers.find(({ podSelector, namespaceSelector }) => podSelector && !namespaceSelector);
  return own?.podSelector?.matchLabels ?? {};
}

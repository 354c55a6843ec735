import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NetworkingV1Api } from '@kubernetes/client-node';
import { applyManifests } from '../../../k8s/cluster/apply-manifests.ts';
import type { LedgeredUser } from '../../support/ask-ledgered.ts';
import { execInPod } from '../../support/cluster/exec-in-pod.ts';
import { readLogs } from '../../support/cluster/read-logs.ts';
import { isConfirmed, type LedgerEntry, type Operation } from '../../support/ledger.ts';
import { pollUntil } from '../../support/poll-until.ts';
import type { DrilledRelease } from './drilled-release.ts';
import { followLogs } from './follow-logs.ts';

export type Credentials = Omit<LedgeredUser, 'id'>;

const support = join(import.meta.dirname, '..', '..', 'support');
const program = 'workload-program.ts';
const files = [program, 'session-workload.ts', 'ask-ledgered.ts', 'ledger.ts', 'poll-until.ts'];

export interface WorkloadPlace {
  /** Which side of the node it is on. */
  readonly node: string;
  readonly on: boolean;
}

/** Clients of a release, in a pod of its namespace that is removed when this is disposed of. */
export class WorkloadPod implements AsyncDisposable {
  readonly name = `drill-${randomBytes(4).toString('hex')}`;
  readonly entries: LedgerEntry[] = [];
  /** By how much this machine's clock is ahead of the pod's, and a line's way here: the least that was seen. */
  clockLeadMs = Number.POSITIVE_INFINITY;
  readonly #release: DrilledRelease;
  readonly #abort = new AbortController();
  #running = false;
  #total: number | undefined;

  constructor(release: DrilledRelease) {
    this.#release = release;
  }

  /** Until the first requests are sent. */
  async start(users: readonly Credentials[], place: WorkloadPlace): Promise<void> {
    const { cluster, namespace } = this.#release;
    await applyManifests(cluster.config, await this.#manifests(users, place), 'holdfast-drill');
    void followLogs(cluster, this.#ref, new Date(0), (_, text) => this.#read(text), this.#abort.signal);
    await pollUntil(`the workload ${this.name} to run in ${namespace}`, 90_000, () => this.#running, 100);
  }

  get #ref() {
    return { namespace: this.#release.namespace, pod: this.name, container: 'workload' };
  }

  #read(text: string): void {
    if (text === 'running') this.#running = true;
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as LedgerEntry | { entries: number };
    if ('entries' in line) {
      this.#total = line.entries;
      return;
    }
    this.entries.push(line);
    this.clockLeadMs = Math.min(this.clockLeadMs, Date.now() - line.endedAtMs);
  }

  /** Confirmed, or refused, and begun since then. */
  count(operation: Operation, sinceMs: number, confirmed: boolean): number {
    return this.entries.filter(
      (entry) => entry.operation === operation && entry.startedAtMs >= sinceMs && isConfirmed(entry) === confirmed,
    ).length;
  }

  /** Ends the clients; every session and order there ever was is looked for once more. @returns all answers */
  async stop(): Promise<LedgerEntry[]> {
    const { cluster } = this.#release;
    await execInPod(cluster, this.#ref, ['node', '-e', 'process.kill(1, "SIGTERM")']);
    const total = await pollUntil('the last look of the workload', 180_000, () => this.#total, 100);
    if (this.entries.length < total) {
      this.entries.length = 0;
      for (const line of (await readLogs(cluster, this.#ref)).split('\n')) this.#read(line);
    }
    if (this.entries.length !== total)
      throw new Error(`the workload wrote down ${total} answers, of which ${this.entries.length} arrived`);
    return this.entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    const { cluster, namespace } = this.#release;
    const which = { namespace, name: this.name };
    const ignore = () => undefined;
    await cluster.core.deleteNamespacedPod({ ...which, gracePeriodSeconds: 0 }).catch(ignore);
    await cluster.core.deleteNamespacedConfigMap(which).catch(ignore);
    await cluster.core.deleteNamespacedSecret(which).catch(ignore);
  }

  async #manifests(users: readonly Credentials[], { node, on }: WorkloadPlace) {
    const metadata = { name: this.name, namespace: this.#release.namespace };
    const { template, labels } = await this.#readAuth();
    const data: Record<string, string> = { 'package.json': '{"type":"module"}' };
    for (const file of files) data[file] = await readFile(join(support, file), 'utf8');
    const operator = on ? 'In' : 'NotIn';
    const matchExpressions = [{ key: 'kubernetes.io/hostname', operator, values: [node] }];
    const terms = { nodeSelectorTerms: [{ matchExpressions }] };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { 'app.kubernetes.io/name': 'holdfast-drill', ...labels } },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        // It is to see the outage to its end, wherever it comes from.
        tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
        ...(template?.imagePullSecrets ? { imagePullSecrets: template.imagePullSecrets } : {}),
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1000,
          fsGroup: 1000,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        volumes: [
          { name: 'program', configMap: { name: this.name } },
          { name: 'users', secret: { secretName: this.name, defaultMode: 0o440 } },
        ],
        containers: [
          {
            name: 'workload',
            image: template?.containers[0]?.image,
            command: ['node', `/program/${program}`],
            env: [
              // By number: the names are one of the things that a drill takes away.
              { name: 'AUTH_URL', value: await this.#serviceUrl('auth') },
              { name: 'ORDERS_URL', value: await this.#serviceUrl('orders') },
              { name: 'USERS_FILE', value: '/users/users.json' },
            ],
            resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            volumeMounts: [
              { name: 'program', mountPath: '/program', readOnly: true },
              { name: 'users', mountPath: '/users', readOnly: true },
            ],
          },
        ],
      },
    };
    return [
      { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'users.json': JSON.stringify(users) } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
      pod,
    ];
  }

  async #serviceUrl(component: 'auth' | 'orders'): Promise<string> {
    const { cluster, namespace } = this.#release;
    const labelSelector = this.#release.selector(component);
    const { items } = await cluster.core.listNamespacedService({ namespace, labelSelector });
    const spec = items[0]?.spec;
    return `http://${spec?.clusterIP}:${spec?.ports?.[0]?.port}`;
  }

  /** The image that has Node, and the labels by which auth lets clients in. */
  async #readAuth() {
    const { cluster, namespace } = this.#release;
    const labelSelector = this.#release.selector('auth');
    const deployments = await cluster.apps.listNamespacedDeployment({ namespace, labelSelector });
    return {
      template: deployments.items[0]?.spec?.template.spec,
      labels: await readClientLabels(this.#release),
    };
  }
}

/** Those that the release's own network policy asks of pods in its namespace. */
async function readClientLabels(release: DrilledRelease): Promise<Record<string, string>> {
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

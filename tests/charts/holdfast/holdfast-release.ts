import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { toolPath } from '../../../k8s/cluster/binaries.ts';
import { kubeconfigPath } from '../../../k8s/cluster/paths.ts';
import { runCommand } from '../../../k8s/cluster/run-command.ts';
import { appImagesTag } from '../../../k8s/images/put-images.ts';
import { connectCluster } from '../../support/cluster/connect-cluster.ts';
import { RunningRelease } from '../../support/cluster/running-release.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { isReady, type Pod } from '../redis-sentinel/cluster-release.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** Values for two of each service and the whole Redis, on top of the dev environment, which has one of each. */
export const replicated = [
  ...['service.replicas=2', 'session.waitReplicas=1', 'service.drainDelayMs=10000'],
  ...['redis-sentinel.redis.replicas=3', 'redis-sentinel.redis.minReplicasToWrite=1'],
  ...['redis-sentinel.sentinel.replicas=3', 'redis-sentinel.sentinel.quorum=2'],
];

/** A busy machine must not be mistaken for a lost request. */
const patience = [
  { name: 'LOGIN_SUCCESSES_PER_MINUTE', value: '10000' },
  { name: 'REDIS_COMMAND_TIMEOUT_MS', value: '1000' },
  { name: 'STORE_RETRY_BUDGET_MS', value: '4000' },
  { name: 'DATABASE_TIMEOUT_MS', value: '2500' },
];

/** The chart holdfast in a namespace of its own, which goes with all that is in it when this is disposed of. */
export class HoldfastRelease implements AsyncDisposable {
  readonly name = 'hf';
  readonly namespace: string;
  readonly deployments = ['auth', 'orders'].map((component) => `deployment/${this.name}-holdfast-${component}`);
  readonly statefulSets = ['redis', 'sentinel'].map(
    (component) => `statefulset/${this.name}-redis-sentinel-${component}`,
  );
  readonly #environment: string;
  readonly #chart: string;
  #values: string[] = [];

  /** @param charts a folder with the charts, where they are others than this checkout's */
  constructor(purpose: string, environment: string, charts = join(root, 'charts')) {
    this.#chart = join(charts, 'holdfast');
    this.namespace = `holdfast-${purpose}-${randomBytes(3).toString('hex')}`;
    this.#environment = join(root, 'k8s', 'environments', `${environment}.yaml`);
  }

  async kubectl(...args: string[]): Promise<string> {
    const all = ['--kubeconfig', kubeconfigPath, '-n', this.namespace, ...args];
    return await runCommand(await toolPath('kubectl'), all, { timeoutMs: 300_000 });
  }

  async apply(...items: object[]): Promise<void> {
    const all = ['--kubeconfig', kubeconfigPath, '-n', this.namespace, 'apply', '-f', '-'];
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await runCommand(await toolPath('kubectl'), all, { input, timeoutMs: 60_000 });
  }

  async helm(...args: string[]): Promise<string> {
    const all = ['--kubeconfig', kubeconfigPath, '-n', this.namespace, ...args];
    return await runCommand(await toolPath('helm'), all, { timeoutMs: 420_000 });
  }

  /** Installs, or upgrades with what was set before and this; returns after how many milliseconds all was ready. */
  async install(...values: string[]): Promise<number> {
    this.#values = [...this.#values, ...values];
    const tag = await appImagesTag();
    await runCommand(await toolPath('helm'), ['dependency', 'build', this.#chart]);
    const beganAt = performance.now();
    await this.helm(
      ...['upgrade', '--install', '--create-namespace', this.name, this.#chart, '--values', this.#environment],
      ...[
        '--set',
        // Two users do the work of many.
        `auth.image.tag=${tag},orders.image.tag=${tag},session.maxPerUser=200`,
        ...this.#values.flatMap((value) => ['--set', value]),
      ],
      ...['--set-json', `service.extraEnv=${JSON.stringify(patience)}`, '--wait', '--timeout', '6m'],
    );
    return Math.round(performance.now() - beganAt);
  }

  /** Until the pods of these are all of the newest kind and ready. */
  async untilRolledOut(workloads: readonly string[]): Promise<void> {
    await Promise.all(workloads.map((each) => this.kubectl('rollout', 'status', each, '--timeout=280s')));
  }

  /** The pods of a component that are ready and not on their way out. */
  async pods(component: string): Promise<string[]> {
    const selector = `app.kubernetes.io/instance=${this.name},app.kubernetes.io/component=${component}`;
    const { items } = JSON.parse(await this.kubectl('get', 'pods', '-l', selector, '-o', 'json')) as { items: Pod[] };
    return items.filter(isReady).map(({ metadata }) => metadata.name);
  }

  async pod(component: string): Promise<string> {
    return await pollUntil(`a pod of ${component}`, 60_000, async () => (await this.pods(component))[0], 500);
  }

  /** One key of a Secret. */
  async secret(name: string, key: string): Promise<string> {
    const value = await this.kubectl('get', 'secret', name, '-o', `jsonpath={.data.${key}}`);
    return Buffer.from(value, 'base64').toString();
  }

  /** The pod whose Redis calls itself the primary. */
  async primaryPod(): Promise<string> {
    return await pollUntil(
      'a primary',
      60_000,
      async () => {
        for (const number of [0, 1, 2]) {
          const pod = `${this.name}-redis-sentinel-redis-${number}`;
          const role = ['exec', pod, '-c', 'redis', '--', 'sh', '/scripts/admin.sh', 'role'];
          const answer = await this.kubectl(...role).catch(() => '');
          if (answer.startsWith('master')) return pod;
        }
        return undefined;
      },
      500,
    );
  }

  /** The release as it runs, for whoever asks the cluster about it. */
  running(): RunningRelease {
    return new RunningRelease(connectCluster(), this.namespace, this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (process.env['HOLDFAST_KEEP'] !== undefined) return;
    const all = [
      '--kubeconfig',
      kubeconfigPath,
      'delete',
      'namespace',
      this.namespace,
      '--ignore-not-found',
      '--wait=false',
    ];
    await runCommand(await toolPath('kubectl'), all);
  }
}

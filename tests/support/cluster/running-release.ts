import type { V1Pod } from '@kubernetes/client-node';
import { pollUntil } from '../poll-until.ts';
import type { Cluster } from './connect-cluster.ts';
import { execInPod } from './exec-in-pod.ts';
import { isReady } from './wait-for-pod.ts';

export type Component = 'redis' | 'sentinel' | 'auth' | 'orders' | 'postgres';

/** What one Sentinel says. */
interface SentinelView {
  readonly primary: string;
  /** Of each replica what Sentinel knows, by its own words: flags, slave-priority, master-link-status. */
  readonly replicas: readonly Readonly<Record<string, string>>[];
}

/** A release of the chart holdfast with its Redis, found by its labels; nothing of it is changed here. */
export class RunningRelease {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly name: string;

  constructor(cluster: Cluster, namespace: string, name: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.name = name;
  }

  /** @throws Error when there is none, or less of it than a drill needs, with the remedy. */
  async require(): Promise<void> {
    for (const component of ['auth', 'orders', 'redis', 'sentinel'] as const) {
      const pods = await this.pods(component);
      const what = `release ${this.name} in namespace ${this.namespace}`;
      if (pods.length === 0)
        throw new Error(
          `${what} has no ${component} pods: name yours with --namespace and --release, or leave both out for one of the drill's own`,
        );
      const wanted = component === 'redis' || component === 'sentinel' ? 3 : 2;
      if (pods.length < wanted)
        throw new Error(
          `${what} has ${pods.length} ${component} of the ${wanted} that a drill needs: raise its replicas, or drill a release that has them`,
        );
    }
  }

  async pods(component?: Component): Promise<V1Pod[]> {
    const labelSelector = this.selector(component);
    const { items } = await this.cluster.core.listNamespacedPod({ namespace: this.namespace, labelSelector });
    return items.sort((a, b) => podName(a).localeCompare(podName(b)));
  }

  selector(component?: Component): string {
    const own = `app.kubernetes.io/instance=${this.name},app.kubernetes.io/name in (holdfast,redis-sentinel)`;
    return component === undefined ? own : `${own},app.kubernetes.io/component=${component}`;
  }

  async pod(name: string): Promise<V1Pod> {
    return await this.cluster.core.readNamespacedPod({ namespace: this.namespace, name });
  }

  async nodeOf(name: string): Promise<string> {
    const node = (await this.pod(name)).spec?.nodeName;
    if (node === undefined) throw new Error(`pod ${name} is on no node yet`);
    return node;
  }

  /** A Redis command, by the administrator of that pod. */
  async askRedis(pod: string, ...command: string[]): Promise<string> {
    return await this.run(pod, 'redis', ['sh', '/scripts/admin.sh', ...command]);
  }

  /** A program in a container; its output. @throws Error when it fails, with what it said. */
  async run(pod: string, container: string, command: readonly string[], timeoutMs = 10_000): Promise<string> {
    const ref = { namespace: this.namespace, pod, container };
    // The API server takes its time to find out that a node is gone, longer than anybody here wants to wait.
    const timeout = AbortSignal.timeout(timeoutMs);
    const late = new Promise<never>((_, reject) => {
      timeout.addEventListener('abort', () => reject(new Error(`no answer from ${pod} within ${timeoutMs} ms`)));
    });
    const running = execInPod(this.cluster, ref, command, { timeoutMs });
    running.catch(() => undefined);
    const { exitCode, stdout, stderr } = await Promise.race([running, late]);
    if (exitCode !== 0)
      throw new Error(`${command.join(' ')} in ${pod} ended with ${exitCode}: ${(stderr || stdout).trim()}`);
    return stdout;
  }

  /** The commands of a shell, which has `$ask` for a question to the Sentinel of the pod. */
  async runSentinel(pod: string, script: string, timeoutMs = 10_000): Promise<string> {
    const ask = 'ask="timeout 2 $(command -v valkey-cli || command -v redis-cli) -s /run/holdfast/redis.sock"';
    return await this.run(pod, 'sentinel', ['sh', '-c', `${ask}; ${script}`], timeoutMs);
  }

  /** The pod that most Sentinels name as the primary; undefined where they don't agree, or don't answer. */
  async namedPrimary(): Promise<string | undefined> {
    const views = await this.#sentinelViews();
    const named = views.flatMap((view) => view?.primary ?? []);
    return named.find((one) => named.filter((other) => other === one).length * 2 > views.length);
  }

  async primary(): Promise<string> {
    return await pollUntil('a primary that most Sentinels name', 60_000, () => this.namedPrimary(), 250);
  }

  async untilReplaced(former: string, timeoutMs = 60_000): Promise<string> {
    return await pollUntil(
      `another primary than ${former}`,
      timeoutMs,
      async () => {
        const named = await this.namedPrimary();
        return named !== former && named;
      },
      250,
    );
  }

  /** Every pod is there and ready, and every replica follows the primary that all Sentinels name. */
  async untilWhole(timeoutMs = 180_000): Promise<void> {
    await pollUntil(`release ${this.name} whole`, timeoutMs, () => this.#isWhole(), 500);
  }

  /** And so that a hand-over could begin: each Sentinel knows every replica as a candidate. Sentinel asks every 10 s. */
  async untilCalm(timeoutMs = 180_000): Promise<void> {
    await pollUntil(
      `release ${this.name} whole, and known so to its Sentinels`,
      timeoutMs,
      async () => {
        if (!(await this.#isWhole())) return false;
        const count = (await this.pods('redis')).length;
        return (await this.#sentinelViews()).every(
          (view) => view?.replicas.length === count - 1 && view.replicas.every(isCandidate),
        );
      },
      500,
    );
  }

  /** Addresses of the Services of a component's pods, with the pods' names. */
  async addresses(component: 'redis' | 'sentinel'): Promise<Map<string, string>> {
    const labelSelector = this.selector(component);
    const { items } = await this.cluster.core.listNamespacedService({ namespace: this.namespace, labelSelector });
    return new Map(items.map(({ metadata, spec }) => [spec?.clusterIP ?? '', metadata?.name ?? '']));
  }

  async #isWhole(): Promise<boolean> {
    const { namespace } = this;
    const labelSelector = this.selector();
    const [sets, deployments, pods] = await Promise.all([
      this.cluster.apps.listNamespacedStatefulSet({ namespace, labelSelector }),
      this.cluster.apps.listNamespacedDeployment({ namespace, labelSelector }),
      this.pods(),
    ]);
    const wanted = [...sets.items, ...deployments.items].reduce((sum, { spec }) => sum + (spec?.replicas ?? 1), 0);
    if (pods.length !== wanted || !pods.every(isReady)) return false;
    const views = await this.#sentinelViews();
    const primary = views[0]?.primary;
    if (primary === undefined || views.some((view) => view?.primary !== primary)) return false;
    const replication = await this.askRedis(primary, 'info', 'replication');
    const online = replication.match(/state=online,offset=\d+,lag=[01]\b/g) ?? [];
    const redis = pods.filter(({ metadata }) => metadata?.labels?.['app.kubernetes.io/component'] === 'redis');
    return replication.includes('role:master') && online.length === redis.length - 1;
  }

  async #sentinelViews(): Promise<(SentinelView | undefined)[]> {
    const [pods, addresses] = await Promise.all([this.pods('sentinel'), this.addresses('redis')]);
    const script = '$ask sentinel get-master-addr-by-name "$MASTER_NAME"; $ask sentinel replicas "$MASTER_NAME"';
    return await Promise.all(
      pods.map(async (pod) => {
        const answer = await this.runSentinel(podName(pod), script, 3000).catch(() => '');
        const [address = '', , ...lines] = answer.trim().split('\n');
        const primary = addresses.get(address);
        return primary === undefined ? undefined : { primary, replicas: parseReplicas(lines) };
      }),
    );
  }
}

export function podName(pod: V1Pod): string {
  return pod.metadata?.name ?? '';
}

function parseReplicas(lines: readonly string[]): Record<string, string>[] {
  const replicas: Record<string, string>[] = [];
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const [key = '', value = ''] = [lines[index], lines[index + 1]];
    if (key === 'name') replicas.push({});
    Object.assign(replicas.at(-1) ?? {}, { [key]: value });
  }
  return replicas;
}

function isCandidate(replica: Readonly<Record<string, string>>): boolean {
  return (
    replica['flags'] === 'slave' && replica['master-link-status'] === 'ok' && Number(replica['slave-priority']) > 0
  );
}

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { toolPath } from '../../../k8s/cluster/binaries.ts';
import { existingProvider } from '../../../k8s/cluster/choose-provider.ts';
import { kubeconfigPath } from '../../../k8s/cluster/paths.ts';
import { runCommand } from '../../../k8s/cluster/run-command.ts';
import { pollUntil } from '../../support/poll-until.ts';

export const chartDir = join(import.meta.dirname, '../../../charts/redis-sentinel');
const kubeconfig = process.env['KUBECONFIG'] ?? kubeconfigPath;

/** Why tests on a cluster can't run here, with the remedy; undefined when they can. */
export async function missingCluster(): Promise<string | undefined> {
  if ((await existingProvider().catch(() => undefined)) !== undefined || process.env['KUBECONFIG']) return undefined;
  return 'no cluster: npm run cluster:up && npm run images';
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly containerID?: string;
      readonly restartCount: number;
    }[];
  };
}

/** The chart in a namespace of its own, removed with everything in it when it is disposed of. */
export class Release implements AsyncDisposable {
  readonly name = 'hf';
  readonly fullName = 'hf-redis-sentinel';
  readonly namespace: string;
  #values: readonly string[] = [];

  constructor(purpose: string) {
    this.namespace = `redis-${purpose}-${randomBytes(3).toString('hex')}`;
  }

  async kubectl(...args: string[]): Promise<string> {
    return await runCommand(await toolPath('kubectl'), ['--kubeconfig', kubeconfig, '-n', this.namespace, ...args], {
      timeoutMs: 150_000,
    });
  }

  async apply(...manifests: object[]): Promise<void> {
    await runCommand(
      await toolPath('kubectl'),
      ['--kubeconfig', kubeconfig, '-n', this.namespace, 'apply', '-f', '-'],
      { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }), timeoutMs: 30_000 },
    );
  }

  async helm(...args: string[]): Promise<string> {
    return await runCommand(await toolPath('helm'), ['--kubeconfig', kubeconfig, '-n', this.namespace, ...args], {
      timeoutMs: 300_000,
    });
  }

  /** Installs or upgrades, and returns after how many milliseconds all was ready. */
  async install(...values: string[]): Promise<number> {
    this.#values = values;
    const begin = performance.now();
    const set = values.flatMap((value) => ['--set', value]);
    await this.helm(
      'upgrade',
      '--install',
      '--create-namespace',
      this.name,
      chartDir,
      '--wait',
      '--timeout=240s',
      ...set,
    );
    return Math.round(performance.now() - begin);
  }

  /** Upgrades with what was set before, and this. */
  async upgrade(...more: string[]): Promise<number> {
    return await this.install(...this.#values, ...more);
  }

  async pods(component: 'redis' | 'sentinel'): Promise<Pod[]> {
    const selector = `app.kubernetes.io/name=redis-sentinel,app.kubernetes.io/component=${component}`;
    return JSON.parse(await this.kubectl('get', 'pods', '-o', 'json', '-l', selector)).items;
  }

  async pod(name: string): Promise<Pod> {
    return JSON.parse(await this.kubectl('get', 'pod', name, '-o', 'json'));
  }

  /** A Redis command, by the administrator of that pod. */
  async redis(pod: string, ...command: string[]): Promise<string> {
    return await this.kubectl('exec', pod, '-c', 'redis', '--', 'sh', '/scripts/admin.sh', ...command);
  }

  /** A question to Sentinel, as anyone may ask it. */
  async sentinel(number: number, ...command: string[]): Promise<string> {
    const pod = `${this.fullName}-sentinel-${number}`;
    const ask = 'c=$(command -v valkey-cli || command -v redis-cli); exec "$c" -s /run/holdfast/redis.sock "$@"';
    return await this.kubectl('exec', pod, '-c', 'sentinel', '--', 'sh', '-c', ask, 'ask', ...command);
  }

  /** Address and pod of the primary that most Sentinels name. */
  async namedPrimary(): Promise<{ address: string; pod: string } | undefined> {
    const named = await Promise.all(
      [0, 1, 2].map((number) =>
        this.sentinel(number, 'sentinel', 'get-master-addr-by-name', `${this.namespace}-${this.fullName}`).then(
          (answer) => answer.split('\n')[0] ?? '',
          () => '',
        ),
      ),
    );
    const address = named.find((one) => one !== '' && named.filter((other) => other === one).length >= 2);
    if (address === undefined) return undefined;
    const services = JSON.parse(await this.kubectl('get', 'services', '-o', 'json')).items as {
      metadata: { name: string };
      spec: { clusterIP: string };
    }[];
    const pod = services.find((service) => service.spec.clusterIP === address)?.metadata.name;
    return pod === undefined ? undefined : { address, pod };
  }

  async primary(): Promise<string> {
    const primary = await pollUntil('a primary that most Sentinels name', 60_000, () => this.namedPrimary(), 500);
    return primary.pod;
  }

  /** Every pod of both sets is there and ready. */
  async untilReady(timeoutMs = 120_000): Promise<void> {
    await pollUntil(
      'all pods ready',
      timeoutMs,
      async () => {
        const pods = [...(await this.pods('redis')), ...(await this.pods('sentinel'))];
        return pods.length === 6 && pods.every(isReady);
      },
      500,
    );
  }

  /** What a pod's container has said about its role. */
  async said(pod: string, container = 'redis', ...options: string[]): Promise<string[]> {
    const log = await this.kubectl('logs', pod, '-c', container, ...options);
    return log.split('\n').flatMap((line) => (line.startsWith('holdfast: ') ? [line.slice('holdfast: '.length)] : []));
  }

  /** A program in a pod, with pipes. */
  async exec(pod: string, ...command: string[]): Promise<ChildProcess> {
    const kubectl = await toolPath('kubectl');
    return spawn(kubectl, ['--kubeconfig', kubeconfig, '-n', this.namespace, 'exec', '-i', pod, '--', ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (process.env['HOLDFAST_KEEP'] === undefined)
      await runCommand(await toolPath('kubectl'), [
        ...['--kubeconfig', kubeconfig, 'delete', 'namespace', this.namespace],
        ...['--ignore-not-found', '--wait=false'],
      ]);
  }
}

export function isReady(pod: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    (pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false)
  );
}

/** As if the container had crashed: its first process gets SIGKILL, from outside. */
export async function killContainer(pod: Pod, container: string): Promise<void> {
  const provider = await existingProvider();
  const id = pod.status.containerStatuses?.find(({ name }) => name === container)?.containerID;
  if (provider === undefined || id === undefined) throw new Error(`no running container ${container} in the cluster`);
  await provider.faults.killContainer(pod.spec.nodeName, id);
}

export async function endOf(child: ChildProcess): Promise<number | null> {
  const [code] = child.exitCode === null ? await once(child, 'close') : [child.exitCode];
  return code as number | null;
}

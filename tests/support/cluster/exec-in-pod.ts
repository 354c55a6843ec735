import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Exec, type V1Status } from '@kubernetes/client-node';
import type { Cluster } from './connect-cluster.ts';
import type { PodRef } from './pod-ref.ts';

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a container to its end. An exit code other than 0 is an answer. @throws Error when it can't be run at all. */
export async function execInPod(
  cluster: Cluster,
  { namespace, pod, container }: PodRef,
  command: readonly string[],
  { input, timeoutMs = 30_000 }: { input?: string; timeoutMs?: number } = {},
): Promise<ExecResult> {
  const { promise, resolve, reject } = Promise.withResolvers<V1Status>();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const stdin = input === undefined ? null : Readable.from([Buffer.from(input)]);
  const name = container ?? (await firstContainer(cluster, namespace, pod));
  const what = `${command.join(' ')} in ${namespace}/${pod}`;
  const socket = await new Exec(cluster.config)
    .exec(namespace, pod, name, [...command], stdout, stderr, stdin, false, resolve)
    // What a WebSocket throws is an event, which says nothing when printed.
    .catch((cause) => {
      throw new Error(`could not run ${what}: ${cause?.message ?? 'no connection'}`, { cause });
    });
  socket.addEventListener('close', () => reject(new Error(`the connection was lost while ${what} ran`)));
  const timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs} ms`)), timeoutMs);
  try {
    const status = await promise;
    const [out, err] = await outputs;
    return { exitCode: exitCodeOf(status, what), stdout: out, stderr: err };
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function exitCodeOf(status: V1Status, what: string): number {
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code === undefined) throw new Error(`could not run ${what}: ${status.message}`);
  return Number(code);
}

async function firstContainer({ core }: Cluster, namespace: string, pod: string): Promise<string> {
  const { spec } = await core.readNamespacedPod({ namespace, name: pod });
  const [first] = spec?.containers ?? [];
  if (first === undefined) throw new Error(`pod ${namespace}/${pod} has no container`);
  return first.name;
}

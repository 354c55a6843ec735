import type { Cluster } from '../support/cluster/connect-cluster.ts';
import { execInPod } from '../support/cluster/exec-in-pod.ts';
import type { PodRef } from '../support/cluster/pod-ref.ts';

// Each request on a connection of its own: a Service chooses a pod for each connection.
const client = `
const [url, times, timeoutMs] = process.argv.slice(1);
const { request } = require('node:http');
const ask = () => new Promise((resolve) => {
  const fail = (error) => resolve('failed: ' + (error.code ?? error.name));
  request(url, { agent: false, timeout: 0, signal: AbortSignal.timeout(Number(timeoutMs)) }, (response) => {
    let body = '';
    response.on('data', (chunk) => { body += chunk; }).on('end', () => resolve(body)).on('error', fail);
  }).on('error', fail).end();
});
(async () => { for (let i = 0; i < Number(times); i++) console.log(await ask()); })();`;

/** Requests over HTTP, one after the other, from inside a pod. @returns the answers' bodies, or `failed: <code>`. */
export async function askFromPod(
  cluster: Cluster,
  from: PodRef,
  url: string,
  { times = 1, timeoutMs = 2_000 }: { times?: number; timeoutMs?: number } = {},
): Promise<string[]> {
  const command = ['node', '-e', client, '--', url, String(times), String(timeoutMs)];
  const { exitCode, stdout, stderr } = await execInPod(cluster, from, command, { timeoutMs: 60_000 });
  if (exitCode !== 0) throw new Error(`the client ended with ${exitCode}: ${stderr}`);
  return stdout.trim().split('\n');
}

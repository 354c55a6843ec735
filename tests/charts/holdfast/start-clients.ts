import { readDemoUsers } from '../../support/cluster/read-users.ts';
import { WorkloadPod } from '../../support/cluster/workload-pod.ts';
import type { HoldfastRelease } from './holdfast-release.ts';

/** Fewer requests than in a drill: pods that start need the machine as well, and a late answer is none of these tests' business. */
const env = { PACE_MS: '200', JWT_CLIENTS: '2', PATIENCE_MS: '10000' };

/** Clients of all the release offers, sessions and JWTs, in a pod that may send requests. */
export async function startClients(release: HoldfastRelease): Promise<WorkloadPod> {
  const running = release.running();
  const clients = new WorkloadPod(running);
  await clients.start(await readDemoUsers(running), { env });
  return clients;
}

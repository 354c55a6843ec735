import type { Cluster } from './connect-cluster.ts';
import { waitForHeartbeat } from './wait-for-heartbeat.ts';

/** Cuts the node off from everything until the returned is disposed of, which waits for it to be Ready again. */
export async function cutNode(cluster: Cluster, node: string): Promise<AsyncDisposable> {
  const faults = await cluster.faults();
  await faults.cutNetwork(node);
  return {
    [Symbol.asyncDispose]: async () => {
      await faults.mendNetwork(node);
      await waitForHeartbeat(cluster, node, new Date());
    },
  };
}

/** As if the node's plug were pulled; disposing of the returned starts it and waits for it to be Ready. */
export async function stopNode(cluster: Cluster, node: string): Promise<AsyncDisposable> {
  const faults = await cluster.faults();
  await faults.stop(node);
  return {
    [Symbol.asyncDispose]: async () => {
      await faults.start(node);
      await waitForHeartbeat(cluster, node, new Date());
    },
  };
}

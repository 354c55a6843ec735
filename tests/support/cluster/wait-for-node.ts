import { pollUntil } from '../poll-until.ts';
import type { Cluster } from './connect-cluster.ts';

/** Until the node's condition Ready is true; or, for `ready` false, false or unknown. */
export async function waitForNode(cluster: Cluster, name: string, ready: boolean, timeoutMs = 60_000): Promise<void> {
  await pollUntil(
    `node ${name} ${ready ? 'Ready' : 'NotReady'}`,
    timeoutMs,
    async () => {
      const { status } = await cluster.core.readNode({ name });
      const is = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
      return (is ?? false) === ready;
    },
    250,
  );
}

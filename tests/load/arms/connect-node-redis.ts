import { createClient } from 'redis';
import type { ArmSettings } from './arm.ts';

/** node-redis as its README connects it; commands of one tick are pipelined by default. */
export async function connectNodeRedis({ host, port, username, password }: ArmSettings['redis']) {
  const client = createClient({ socket: { host, port }, username, password });
  client.on('error', (error) => console.error(error));
  await client.connect();
  return client;
}

import { pollUntil } from '../support/poll-until.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { testAdmin } from '../support/test-redis-node.ts';
import type { ArmSettings } from './arms/arm.ts';
import { OTHER_CORE, pin } from './pin.ts';

export interface RedisPair extends AsyncDisposable {
  primary: TestRedis;
  settings: Omit<ArmSettings, 'secret'>;
}

/** A Redis configured as the platform's, with one replica. */
export async function startRedisPair(): Promise<RedisPair> {
  await using stack = new AsyncDisposableStack();
  const primary = stack.use(await startRedis());
  const replica = stack.use(await startRedis());
  for (const { pid } of [primary, replica]) pin(pid, OTHER_CORE);
  const { host, port, users } = primary;
  const { username, password } = testAdmin;
  const follower = replica.admin();
  await follower.config('SET', 'masteruser', username);
  await follower.config('SET', 'masterauth', password);
  await follower.replicaof(host, port);
  await pollUntil('the replica', 15_000, async () => /master_link_status:up/.test(await follower.info('replication')));
  const resources = stack.move();
  return {
    primary,
    settings: { redis: { host, port, username, password }, holdfastUsers: users, waitReplicas: 1 },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

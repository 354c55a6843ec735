import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { askReplicas } from './demo-client.ts';
import { measureGap } from './measure-gap.ts';
import type { Platform } from './platform.ts';

const BACK_MS = 60_000;

/**
 * Logs in, orders, and kills one auth, one orders and the Redis primary in turn.
 *
 * @returns undefined when nothing was lost, else what was
 */
export async function runDemo(platform: Platform, say: (text: string) => void): Promise<string | undefined> {
  const { auth, orders, redis, state } = platform;
  const [user] = state.users;
  if (!user) return 'credentials.json has no users';
  const login = async () => {
    const body = { username: user.username, password: user.password, transport: 'bearer' };
    const reply = await askReplicas(auth, '/v1/sessions', { method: 'POST', body });
    if (reply.status !== 201) throw new Error(`a login was answered ${reply.status} by ${reply.servedBy}`);
    return (reply.body as { token: string }).token;
  };

  const token = await login();
  say(`${user.username} logged in at auth`);
  const idempotencyKey = randomUUID();
  const order = { method: 'POST', token, body: { sku: 'teapot', quantity: 1 } };
  const placed = await askReplicas(orders, '/v1/orders', { ...order, headers: { 'idempotency-key': idempotencyKey } });
  if (placed.status !== 201) return `an order was answered ${placed.status} by ${placed.servedBy}`;
  const orderId = (placed.body as { order: { id: string } }).order.id;
  say(`${placed.servedBy} took order ${orderId} for the same session`);
  const ended = await login();
  const logout = await askReplicas(auth, '/v1/session', { method: 'DELETE', token: ended });
  if (logout.status !== 204) return `a logout was answered ${logout.status} by ${logout.servedBy}`;
  say('a second session was begun and logged out');

  /** What was promised, asked of every replica. */
  const findLoss = async (): Promise<string | undefined> => {
    for (const service of platform.services) {
      const path = service.service === 'auth' ? '/v1/session' : `/v1/orders/${orderId}`;
      const alive = await askReplicas([service], path, { token });
      if (alive.status !== 200) return `the session was answered ${alive.status} by ${service.name}`;
      const dead = await askReplicas([service], path, { token: ended });
      if (dead.status !== 401) return `the logged-out session was answered ${dead.status} by ${service.name}`;
    }
    return undefined;
  };

  const primary = await redis.findPrimary();
  if (!primary) return 'the Sentinels name no primary';
  for (const victim of [auth[0], orders[0], primary]) {
    if (!victim) continue;
    const what = victim === primary ? `the Redis primary (${victim.name})` : victim.name;
    const { pid } = victim.process ?? {};
    const reads = measureGap(async () => {
      const replies = [
        await askReplicas(auth, '/v1/session', { token }),
        await askReplicas(orders, '/v1/orders', { token }),
      ];
      const wrong = replies.find(({ status }) => status !== 200);
      if (wrong) throw new Error(`the session was answered ${wrong.status} by ${wrong.servedBy}`);
    });
    const writes = measureGap(async () => {
      const reply = await askReplicas(auth, '/v1/session', { method: 'DELETE', token: await login() });
      if (reply.status !== 204) throw new Error(`a logout was answered ${reply.status} by ${reply.servedBy}`);
    });
    victim.process?.kill('SIGKILL');
    await untilReplaced(victim, pid);
    for (const service of platform.services) await service.untilReady();
    await (await redis.findPrimary())?.untilReplicated(redis.nodes.length - 1, BACK_MS);
    const [readGapMs, writeGapMs] = [await reads.stop(), await writes.stop()];
    const loss = (await findLoss()) ?? reads.failure ?? writes.failure;
    if (loss !== undefined) return loss;
    const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
    say(
      `killed ${what}: the session still works everywhere; longest wait ${seconds(readGapMs)} for a request, ` +
        `${seconds(writeGapMs)} for a login and logout`,
    );
  }
  say('nothing was lost');
  return undefined;
}

/** The supervisor has started it again. */
async function untilReplaced(victim: { name: string; process: { pid: number } | undefined }, pid: number | undefined) {
  const deadline = performance.now() + BACK_MS;
  while (victim.process?.pid === pid) {
    if (performance.now() > deadline) throw new Error(`${victim.name} was not started again within ${BACK_MS} ms`);
    await delay(50);
  }
}

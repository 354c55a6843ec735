import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { ServiceNode } from '../../../services/local/src/service-node.ts';
import { KeepAliveClient, type KeepAliveReply, type KeepAliveRequest } from '../../support/keep-alive-client.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

/** A busy machine must not be mistaken for a lost request; but a store that was closed too early must. */
const patience = {
  REDIS_COMMAND_TIMEOUT_MS: '5000',
  STORE_RETRY_BUDGET_MS: '10000',
  SESSION_WAIT_TIMEOUT_MS: '5000',
};

const READERS = 6;
const WRITERS = 3;
/** Long enough for a connection to be idle now and then, when a drain may close it. */
const LONGEST_PAUSE_MS = 60;

test('every replica told to stop in turn, under load through kept-alive connections: no request is lost, none is done twice', async () => {
  await using running = await startTestPlatform({ serviceEnvironment: patience });
  const { auth, orders, state } = running.platform;
  const clients: KeepAliveClient[] = [];
  const wrong: string[] = [];
  const answered = new Map<string, number>();
  const placed: string[] = [];
  let stopped = false;
  onTestFinished(() => {
    stopped = true;
  });

  /** One client that asks over and over, each question when the one before is answered. */
  const run = async (urls: string[], ask: (client: KeepAliveClient) => Promise<void>) => {
    const client = new KeepAliveClient(urls, clients.length);
    clients.push(client);
    while (!stopped) {
      await ask(client).catch((error: NodeJS.ErrnoException) => wrong.push(`lost: ${error.code} ${error.message}`));
      await delay(Math.random() * LONGEST_PAUSE_MS);
    }
    client.close();
  };
  const expectStatus = async (client: KeepAliveClient, status: number, path: string, options: KeepAliveRequest) => {
    const reply: KeepAliveReply = await client.ask(path, options);
    if (reply.status !== status) {
      wrong.push(
        `${options.method ?? 'GET'} ${path}: ${reply.status} ${JSON.stringify(reply.body)} by ${reply.servedBy}`,
      );
    }
    answered.set(reply.servedBy, (answered.get(reply.servedBy) ?? 0) + 1);
    return reply;
  };
  const logIn = async (client: KeepAliveClient, user: { username: string; password: string } | undefined) => {
    const body = { username: user?.username, password: user?.password, transport: 'bearer' };
    const reply = await expectStatus(client, 201, '/v1/sessions', { method: 'POST', body });
    return { authorization: `Bearer ${(reply.body as { token?: string }).token}` };
  };

  const authUrls = auth.map(({ url }) => url);
  const ordersUrls = orders.map(({ url }) => url);
  const headers = await logIn(new KeepAliveClient(authUrls), state.users[0]);
  const work: Promise<void>[] = [];
  for (let index = 0; index < READERS; index += 1) {
    work.push(run(authUrls, async (client) => void (await expectStatus(client, 200, '/v1/session', { headers }))));
    work.push(run(ordersUrls, async (client) => void (await expectStatus(client, 200, '/v1/orders', { headers }))));
  }
  for (let index = 0; index < WRITERS; index += 1) {
    const order = async (client: KeepAliveClient) => {
      // Without an Idempotency-Key: an order that was sent again would be there twice.
      const body = { sku: randomUUID(), quantity: 1 };
      const { status } = await expectStatus(client, 201, '/v1/orders', { method: 'POST', headers, body });
      if (status === 201) placed.push(body.sku);
    };
    work.push(run(ordersUrls, order));
  }
  const session = async (client: KeepAliveClient) => {
    const own = await logIn(client, state.users[1]);
    await expectStatus(client, 204, '/v1/session', { method: 'DELETE', headers: own });
  };
  work.push(run(authUrls, session), run([...authUrls].reverse(), session));

  const untilServed = (name: string) => {
    const before = answered.get(name) ?? 0;
    return pollUntil(`answers of ${name} under load`, 30_000, () => (answered.get(name) ?? 0) > before + 20);
  };
  const restart = async (service: ServiceNode) => {
    await untilServed(service.name);
    const { process } = service;
    process?.kill('SIGTERM');
    const exit = await pollUntil(`the end of ${service.name}`, 30_000, () => !process?.running && process?.exited);
    expect(exit, service.name).toEqual({ code: 0, signal: null });
    await service.start();
    await service.untilReady(60_000);
  };
  await Promise.all([auth[0], orders[0]].map((service) => service && restart(service)));
  await Promise.all([auth[1], orders[1]].map((service) => service && restart(service)));
  stopped = true;
  await Promise.all(work);

  expect(wrong).toEqual([]);
  expect(
    clients.some(({ moves }) => moves > 0),
    'a connection was refused, and the client went elsewhere',
  ).toBe(true);
  expect(await listOrders(ordersUrls, headers)).toEqual(placed.sort());
  const total = [...answered.values()].reduce((sum, count) => sum + count, 0);
  console.log(`Services told to stop: ${total} requests answered, ${placed.length} orders placed, none lost`);
}, 180_000);

/** The skus of all orders of a caller, sorted. */
async function listOrders(urls: readonly string[], headers: Record<string, string>): Promise<string[]> {
  const client = new KeepAliveClient(urls);
  const skus: string[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const reply = await client.ask(`/v1/orders?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`, { headers });
    const page = reply.body as { orders: { sku: string }[]; nextCursor?: string };
    skus.push(...page.orders.map(({ sku }) => sku));
    cursor = page.nextCursor;
  }
  client.close();
  return skus.sort();
}

import { expect, test } from 'vitest';
import type { ServiceNode } from '../../../services/local/src/service-node.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { requirePrimary } from '../../support/require-primary.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

const ROUNDS_WITHOUT_PRIMARY = 3;

test('without any Sentinel sessions go on; when the primary dies then too they are only read, no replica makes itself primary, and nobody is logged out', async () => {
  await using running = await startTestPlatform({ serviceEnvironment: { DEGRADED_READ_SECONDS: '600' } });
  const { redis, services, auth, state } = running.platform;
  const [user] = state.users;
  const logIn = async (service: ServiceNode) => {
    const body = JSON.stringify({ username: user?.username, password: user?.password, transport: 'bearer' });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${service.url}/v1/sessions`, { method: 'POST', headers, body });
    return { status: response.status, token: ((await response.json()) as { token?: string }).token ?? '' };
  };
  const ask = (service: ServiceNode, token: string, method = 'GET') => {
    const path = service.service === 'auth' ? '/v1/session' : '/v1/orders';
    return fetch(service.url + path, { method, headers: { authorization: `Bearer ${token}` } });
  };
  const logOut = (service: ServiceNode, token: string) => ask(service, token, 'DELETE');

  const [first, last] = [auth[0] as ServiceNode, auth.at(-1) as ServiceNode];
  const primary = await requirePrimary(redis);
  const before = await logIn(first);
  for (const sentinel of redis.sentinels) sentinel.process?.kill('SIGKILL');
  await Promise.all(redis.sentinels.map((sentinel) => sentinel.process?.exited));

  // The connections there are stay, and so does everything a session is for.
  for (const service of services) expect((await ask(service, before.token)).status, service.name).toBe(200);
  const meanwhile = await logIn(last);
  expect(meanwhile.status).toBe(201);
  const ended = await logIn(first);
  expect((await logOut(last, ended.token)).status).toBe(204);
  for (const service of services) {
    expect((await ask(service, meanwhile.token)).status, service.name).toBe(200);
    expect((await ask(service, ended.token)).status, service.name).toBe(401);
  }

  primary.process?.kill('SIGKILL');
  await primary.process?.exited;
  // One that starts now has never had a connection, and knows no more than the others.
  await last.stop();
  await last.start();
  await pollUntil('a service without Redis', 30_000, async () => (await fetch(`${last.url}/livez`)).ok);
  for (let round = 0; round < ROUNDS_WITHOUT_PRIMARY; round += 1) {
    for (const service of services) {
      // Replicas say that a session lives to those who knew them before; that one has ended is the primary's to say.
      const known = await ask(service, before.token);
      expect(known.status, service.name).toBe(service === last ? 503 : 200);
      const response = await ask(service, ended.token);
      expect(response.status, service.name).toBe(503);
      expect(response.headers.get('retry-after'), service.name).toBe('1');
      expect(await response.json()).toMatchObject({ code: 'store-unavailable' });
    }
    expect((await logIn(first)).status).toBe(503);
    expect((await logOut(first, before.token)).status).toBe(503);
  }
  const replicas = redis.nodes.filter((node) => node !== primary);
  for (const replica of replicas) expect((await replica.readReplication())['role'], replica.name).toBe('slave');

  await Promise.all(redis.sentinels.map((sentinel) => redis.startSentinel(sentinel)));
  // They promote no replica that has been without a primary for more than ten times `down-after`: with the primary's data
  // they need not choose.
  await redis.startNode(primary);
  await (await requirePrimary(redis)).untilReplicated(2, 60_000);
  for (const service of services) await service.untilReady(60_000);
  for (const service of services) {
    for (const { token } of [before, meanwhile]) expect((await ask(service, token)).status, service.name).toBe(200);
    expect((await ask(service, ended.token)).status, service.name).toBe(401);
  }
}, 180_000);

import { expect, test } from 'vitest';
import { askReplicas } from '../../../services/local/src/demo-client.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { requirePrimary } from '../../support/require-primary.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('a login or logout that only the primary has is not confirmed, and sessions are still read', async () => {
  // SESSION_WAIT_REPLICAS of the shell reaches the services: 0 shows that this test can fail.
  await using running = await startTestPlatform();
  const { auth, orders, redis, state } = running.platform;
  const { username, password } = state.users[0] ?? {};
  const body = { username, password, transport: 'bearer' };
  const logIn = async () => {
    const reply = await askReplicas(auth, '/v1/sessions', { method: 'POST', body });
    expect(reply.status).toBe(201);
    return (reply.body as { token: string }).token;
  };
  const [token, untouched] = [await logIn(), await logIn()];

  const primary = await requirePrimary(redis);
  const replicas = redis.nodes.filter((node) => node !== primary);
  for (const node of replicas) node.process?.kill('SIGSTOP');
  try {
    const login = await fetch(`${auth[0]?.url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify({ username, password }),
    });
    expect([login.status, ((await login.json()) as { code: string }).code]).toEqual([503, 'not-durable']);
    expect(login.headers.getSetCookie()).toEqual([]);
    const logout = await fetch(`${auth[0]?.url}/v1/session`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}` },
    });
    expect([logout.status, ((await logout.json()) as { code: string }).code]).toEqual([503, 'not-durable']);
    expect((await askReplicas(orders, '/v1/orders', { token: untouched })).status).toBe(200);
  } finally {
    for (const node of replicas) node.process?.kill('SIGCONT');
  }
  // Asked again, both are confirmed.
  await pollUntil('a confirmed logout', 30_000, async () => {
    const { status } = await askReplicas(auth, '/v1/session', { method: 'DELETE', token });
    return status === 204;
  });
  expect((await askReplicas(auth, '/v1/session', { token })).status).toBe(401);
  await logIn();
}, 120_000);

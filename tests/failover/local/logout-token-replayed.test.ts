import { expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';
import { startOidc } from '../../support/start-oidc.ts';
import { TestBrowser } from '../../support/test-browser.ts';

async function start() {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedisSet());
  await redis.untilReplicated();
  const sso = stack.use(
    await startOidc(() => ({ SESSION_WAIT_REPLICAS: '1' }), { redisEnvironment: redis.environmentFor('auth') }),
  );
  await sso.provider.start();
  const home = sso.auth[0].url;
  const own = { headers: { 'sec-fetch-site': 'same-origin' } };
  const resources = stack.move();
  return {
    redis,
    sso,
    signIn: async (name: string) => {
      const browser = new TestBrowser();
      const begun = await pollUntil('single sign-on', 10_000, async () => {
        const response = await browser.send(`${home}/auth/oidc/login`, own);
        return response.status === 303 && response;
      });
      const callback = await sso.provider.signIn(browser, begun.headers.get('location') ?? '', name);
      expect((await browser.send(callback)).status).toBe(303);
      return browser;
    },
    stateOf: async (browser: TestBrowser) => {
      const response = await browser.send(`${home}/v1/session`);
      return response.status === 200 ? 'active' : ((await response.json()) as { code: string }).code;
    },
    send: (token: string) =>
      fetch(`${home}/auth/oidc/backchannel-logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
      }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

test('a logout token that was acted on is refused after a failover: replicas have confirmed that it came', async () => {
  await using running = await start();
  const { redis, sso, signIn, stateOf, send } = running;
  const name = `person-${crypto.randomUUID()}`;
  const ended = await signIn(name);
  const token = await sso.provider.createLogoutToken({ claims: { sub: name } });

  const primary = await redis.primary();
  const monitor = await primary.admin().monitor();
  const seen: { client: string; command: string }[] = [];
  monitor.on('monitor', (_: string, [name = '', ...args]: string[], client: string) => {
    seen.push({ client, command: [name.toUpperCase(), ...args].join(' ') });
  });
  expect((await send(token)).status).toBe(200);
  expect(await stateOf(ended)).toBe('session-revoked');
  const used = await pollUntil('the command that keeps the token’s id', 5000, () =>
    seen.findLast(({ command }) => /^FCALL holdfast_v2_limit /.test(command)),
  );
  monitor.disconnect();
  const after = seen.slice(seen.indexOf(used) + 1).find(({ client }) => client === used.client);
  expect(after?.command).toMatch(/^WAIT 1 /);
  // And it is the last thing that is written: nothing is kept of a token that could not be acted on.
  expect(seen.findIndex(({ command }) => command.includes('holdfast_v2_revoke_user'))).toBeLessThan(seen.indexOf(used));

  await primary.killed();
  await redis.untilFailedOver(primary);
  const since = await pollUntil('a new session', 30_000, () => signIn(name).catch(() => undefined));
  const replayed = await pollUntil('an answer from the new primary', 30_000, async () => {
    const response = await send(token);
    return response.status !== 503 && response;
  });
  expect([replayed.status, await replayed.json()]).toEqual([
    400,
    expect.objectContaining({ detail: 'This logout token came before.' }),
  ]);
  expect(await stateOf(since)).toBe('active');
}, 180_000);

test('a logout that replicas could not confirm is answered 503, and works when the provider sends the token again', async () => {
  await using running = await start();
  const { redis, sso, signIn, stateOf, send } = running;
  const name = `person-${crypto.randomUUID()}`;
  const session = await signIn(name);
  const token = await sso.provider.createLogoutToken({ claims: { sub: name } });
  const replicas = await redis.replicas();
  for (const replica of replicas) replica.kill('SIGSTOP');
  try {
    expect((await send(token)).status).toBe(503);
    expect((await send(token)).status).toBe(503);
  } finally {
    for (const replica of replicas) replica.kill('SIGCONT');
  }
  await pollUntil('the logout', 30_000, async () => {
    const response = await send(token);
    expect([200, 503]).toContain(response.status);
    return response.status === 200;
  });
  expect(await stateOf(session)).toBe('session-revoked');
  expect((await send(token)).status).toBe(400);
}, 180_000);

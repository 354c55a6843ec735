import { expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { requirePrimary, untilReplaced } from '../../support/require-primary.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('a token that was given out just before the primary is lost works after it, as does the old one, and nobody is logged out', async () => {
  await using running = await startTestPlatform();
  const { platform } = running;
  const [firstAuth, secondAuth] = platform.auth.map(({ url }) => url) as [string, string];
  const { username, password } = platform.state.users[0] ?? { username: '', password: '' };
  const ask = (url: string, method: string, path: string, token?: string, body?: object) =>
    fetch(url + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const tokenOf = async (response: Response) => ((await response.json()) as { token: string }).token;
  const logIn = async () =>
    tokenOf(await ask(firstAuth, 'POST', '/v1/sessions', undefined, { username, password, transport: 'bearer' }));
  const rotate = async (url: string, token: string) => tokenOf(await ask(url, 'POST', '/v1/session/rotate', token));

  const sessions: { old: string; next: string }[] = [];
  const primary = await requirePrimary(platform.redis);
  for (let count = 0; count < 20; count++) {
    const old = await logIn();
    sessions.push({ old, next: await rotate(firstAuth, old) });
  }
  primary.process?.kill('SIGKILL');

  const statuses = new Set<number>();
  const everywhere = platform.services.map(
    ({ url, service }) => url + (service === 'auth' ? '/v1/session' : '/v1/orders'),
  );
  const askAll = async () => {
    for (const [index, { old }] of sessions.entries()) {
      const url = everywhere[index % everywhere.length] as string;
      statuses.add((await ask(url, 'GET', '', old)).status);
    }
  };
  const replaced = untilReplaced(platform.redis, primary);
  await pollUntil('a look during the outage', 30_000, () => askAll().then(() => true));
  await replaced;
  for (const service of platform.services) await service.untilReady();
  for (const { old, next } of sessions) {
    await pollUntil('the same successor from the other auth', 30_000, async () => {
      const response = await ask(secondAuth, 'POST', '/v1/session/rotate', old);
      expect([200, 503]).toContain(response.status);
      return response.status === 200 && (await tokenOf(response)) === next;
    });
  }
  for (const { next } of sessions) {
    for (const url of everywhere) expect((await ask(url, 'GET', '', next)).status).toBe(200);
  }
  for (const status of statuses) expect([200, 503]).toContain(status);
}, 180_000);

import { expect, test } from 'vitest';
import { startServices } from '../support/start-services.ts';

test('auth’s metrics say how many sessions live, and while Redis can’t be asked no number', async () => {
  await using services = await startServices();
  const { auth, users, redis } = services;
  const logIn = async () => {
    const body = JSON.stringify({ ...users[0], transport: 'bearer' });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${auth.url}/v1/sessions`, { method: 'POST', headers, body });
    return ((await response.json()) as { token: string }).token;
  };
  const readCount = async () => {
    const scrape = await (await fetch(`${auth.metricsUrl}`)).text();
    expect(scrape, 'the rest is there').toMatch(/^holdfast_logins_total\{/m);
    return /^holdfast_sessions(?:\{[^}]*\})? (\S+)/m.exec(scrape)?.[1];
  };
  const tokens = await Promise.all([logIn(), logIn(), logIn()]);
  expect(await readCount()).toBe('3');
  const headers = { authorization: `Bearer ${tokens[0]}` };
  await fetch(`${auth.url}/v1/session`, { method: 'DELETE', headers });
  expect(await readCount()).toBe('2');
  await redis.stop();
  expect(await readCount()).toBe('NaN');
}, 60_000);

import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { startServices, type TestServices } from '../../support/start-services.ts';

const source = readFileSync(new URL('../../../services/session/src/functions/holdfast.lua', import.meta.url), 'utf8');
const revised = (revision: number) => source.replace(/^-- revision: \d+$/m, `-- revision: ${revision}`);

let services: TestServices;
let admin: Redis;
let token: string;

beforeAll(async () => {
  services = await startServices();
  admin = services.redis.admin();
  const response = await fetch(`${services.auth.url}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...services.users[0], transport: 'bearer' }),
  });
  ({ token } = (await response.json()) as { token: string });
}, 120_000);
afterAll(() => services?.[Symbol.asyncDispose]());

const both = () => [services.auth, services.orders];
const statusesOf = (path: string) =>
  Promise.all(
    both().map(async ({ url }) => {
      const { status } = await fetch(`${url}${path}`);
      return status;
    }),
  );
const libraryCode = async () => JSON.stringify(await admin.call('FUNCTION', 'LIST', 'WITHCODE'));
const ordersStatus = async () => {
  const { status } = await fetch(`${services.orders.url}/v1/orders`, { headers: { authorization: `Bearer ${token}` } });
  return status;
};
const untilReady = async () => {
  const lostAtMs = performance.now();
  await pollUntil('both services to be ready', 10_000, async () => (await statusesOf('/readyz')).join() === '200,200');
  console.log(`the functions were back after ${Math.round(performance.now() - lostAtMs)} ms`);
};

test('while Redis has no functions, auth and orders are alive but not ready', async () => {
  await admin.call('ACL', 'SETUSER', 'auth', '-function|load');
  try {
    await admin.call('FUNCTION', 'FLUSH', 'SYNC');
    expect(await statusesOf('/readyz')).toEqual([503, 503]);
    expect(await statusesOf('/livez')).toEqual([200, 200]);
    expect(await ordersStatus()).toBe(503);
  } finally {
    await admin.call('ACL', 'SETUSER', 'auth', '+function|load');
  }
  await untilReady();
  expect(await ordersStatus()).toBe(200);
});

test('auth loads lost functions again without being asked anything', async () => {
  await admin.call('FUNCTION', 'FLUSH', 'SYNC');
  await pollUntil('the functions', 10_000, async () => (await libraryCode()).includes('holdfast_v2_validate_batch'));
  await untilReady();
  expect(await ordersStatus()).toBe(200);
});

test('auth replaces an older library that comes back, and leaves a newer one alone', async () => {
  await admin.call('FUNCTION', 'LOAD', 'REPLACE', revised(1));
  await pollUntil(
    'the library of this release',
    10_000,
    async () => !(await libraryCode()).includes('-- revision: 1\\n'),
  );
  expect(await ordersStatus()).toBe(200);

  await admin.call('FUNCTION', 'LOAD', 'REPLACE', revised(999_999));
  await admin.config('RESETSTAT');
  // By then auth has looked at it more than once.
  await pollUntil('auth to look at the library', 10_000, async () => {
    const [, calls] = /cmdstat_function\|list:calls=(\d+)/.exec(await admin.info('commandstats')) ?? [];
    return Number(calls ?? 0) >= 4;
  });
  expect(await libraryCode()).toContain('-- revision: 999999');
  expect(await statusesOf('/readyz')).toEqual([200, 200]);
});

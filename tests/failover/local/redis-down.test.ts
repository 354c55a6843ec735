import { describe, expect, onTestFinished, test } from 'vitest';
import type { Platform } from '../../../services/local/src/platform.ts';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

interface Request {
  service: 'auth' | 'orders';
  method: string;
  path: string;
  body?: unknown;
}

/** Every route that needs a session. */
const routes: Request[] = [
  { service: 'auth', method: 'GET', path: '/v1/session' },
  { service: 'auth', method: 'GET', path: '/v1/sessions' },
  { service: 'auth', method: 'DELETE', path: '/v1/session' },
  { service: 'auth', method: 'DELETE', path: '/v1/sessions?except=current' },
  { service: 'auth', method: 'DELETE', path: '/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA' },
  { service: 'auth', method: 'POST', path: '/v1/token', body: { audience: 'orders' } },
  { service: 'orders', method: 'GET', path: '/v1/orders' },
  { service: 'orders', method: 'GET', path: '/v1/orders/00000000-0000-4000-8000-000000000000' },
  { service: 'orders', method: 'POST', path: '/v1/orders', body: { sku: 'teapot', quantity: 1 } },
];

const outages: {
  name: string;
  begin: (platform: Platform) => Promise<void>;
  end: (platform: Platform) => Promise<void>;
}[] = [
  {
    name: 'every Redis killed',
    begin: async ({ redis }) => {
      for (const node of redis.nodes) node.process?.kill('SIGKILL');
      await Promise.all(redis.nodes.map((node) => node.process?.exited));
    },
    end: async ({ redis }) => {
      await Promise.all(redis.nodes.map((node) => redis.startNode(node)));
    },
  },
  {
    name: 'every Redis frozen, connections open',
    begin: async ({ redis }) => {
      for (const node of redis.nodes) node.process?.kill('SIGSTOP');
    },
    end: async ({ redis }) => {
      for (const node of redis.nodes) node.process?.kill('SIGCONT');
    },
  },
];

describe.each(outages)('$name', ({ name, begin, end }) => {
  test('503 within a second and no cookie touched while it lasts, the same cookie afterwards, nobody logged out', async () => {
    await using running = await startTestPlatform();
    const { platform } = running;
    const workload = startWorkload(platform);
    onTestFinished(() => workload.abandon());
    await workload.untilServing();
    const cookie = await logIn(platform);
    // A logout that was answered 503 may happen all the same, when the frozen Redis wakes and finds it waiting.
    const endangered = await logIn(platform);

    await begin(platform);
    for (const route of [...routes, loginRoute(platform)]) {
      const at = `${route.method} ${route.path} of ${route.service}`;
      const attempts = [1, 2, 3].map(async () => {
        const startedAtMs = performance.now();
        const response = await ask(platform, route, route.method === 'DELETE' ? endangered : cookie);
        const problem = (await response.json()) as { status: number; code: string };
        expect([response.status, problem.status], at).toEqual([503, 503]);
        // Logging out asks nothing before it writes: what was sent to a Redis that is frozen may be done when it wakes.
        const mayBeDone = route.method === 'DELETE' && route.path === '/v1/session';
        expect(['store-unavailable', ...(mayBeDone ? ['outcome-unknown'] : [])], at).toContain(problem.code);
        expect(response.headers.get('content-type'), at).toBe('application/problem+json');
        expect(Number(response.headers.get('retry-after')), at).toBeGreaterThan(0);
        expect(response.headers.getSetCookie(), at).toEqual([]);
        return performance.now() - startedAtMs;
      });
      // A busy machine may hold up one, not every one.
      expect(Math.min(...(await Promise.all(attempts))), at).toBeLessThan(1000);
    }
    for (const service of ['auth', 'orders'] as const) {
      expect((await ask(platform, { service, method: 'GET', path: '/livez' })).status).toBe(200);
      expect((await ask(platform, { service, method: 'GET', path: '/readyz' })).status).toBe(503);
    }

    await end(platform);
    for (const service of ['auth', 'orders'] as const) {
      await pollUntil(`the same cookie at ${service}`, 30_000, async () => {
        const path = service === 'auth' ? '/v1/session' : '/v1/orders';
        const { status } = await ask(platform, { service, method: 'GET', path }, cookie);
        expect([200, 503]).toContain(status);
        return status === 200;
      });
    }
    for (const service of platform.services) await service.untilReady();
    await workload.untilServing();
    const ledger = await workload.stop();
    console.log(`${name}: ${describeLedger(ledger.entries)}`);
    expect(findViolations(ledger.entries)).toEqual([]);
  }, 180_000);
});

function loginRoute({ state }: Platform): Request {
  const { username, password } = state.users[0] ?? {};
  return { service: 'auth', method: 'POST', path: '/v1/sessions', body: { username, password } };
}

async function logIn(platform: Platform): Promise<string> {
  const response = await ask(platform, loginRoute(platform));
  expect(response.status).toBe(201);
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

function ask(platform: Platform, { service, method, path, body }: Request, cookie?: string): Promise<Response> {
  const [replica] = platform[service];
  return fetch(`${replica?.url}${path}`, {
    method,
    headers: {
      'sec-fetch-site': 'same-origin',
      'idempotency-key': 'one-and-the-same',
      ...(cookie === undefined ? {} : { cookie }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

import { expect, onTestFinished, test } from 'vitest';
import { askReplicas } from '../../../services/local/src/demo-client.ts';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('without PostgreSQL orders answers 503, auth goes on, and nobody is logged out', async () => {
  await using running = await startTestPlatform();
  const { postgres, auth, orders, state } = running.platform;
  const workload = startWorkload(running.platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();
  const { username, password } = state.users[0] ?? {};
  const login = { method: 'POST', body: { username, password, transport: 'bearer' } };
  const { token } = (await askReplicas(auth, '/v1/sessions', login)).body as { token: string };

  postgres.process?.kill('SIGKILL');
  await postgres.process?.exited;
  const at = (url: string | undefined, path: string) => fetch(`${url}${path}`).then(({ status }) => status);
  await pollUntil('orders unready', 10_000, async () => (await at(orders[0]?.url, '/readyz')) === 503);
  expect(await at(orders[0]?.url, '/livez')).toBe(200);
  expect(await at(auth[0]?.url, '/readyz')).toBe(200);
  await workload.untilServing();
  for (const method of ['GET', 'POST']) {
    const attempts = await Promise.all([1, 2, 3].map(() => askOrders(orders[0]?.url, method, token)));
    for (const { response, problem } of attempts) {
      expect([response.status, problem.code], method).toEqual([503, 'store-unavailable']);
      expect(Number(response.headers.get('retry-after')), method).toBeGreaterThan(0);
    }
    // A busy machine may hold up one, not every one.
    expect(Math.min(...attempts.map(({ tookMs }) => tookMs)), method).toBeLessThan(1000);
  }

  await postgres.start();
  for (const service of orders) await service.untilReady();
  const ledger = await workload.stop();
  console.log(`PostgreSQL killed: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 180_000);

async function askOrders(url: string | undefined, method: string, token: string) {
  const startedAtMs = performance.now();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = method === 'POST' ? { body: '{"sku":"teapot","quantity":1}' } : {};
  const response = await fetch(`${url}/v1/orders`, { method, headers, ...body });
  const problem = (await response.json()) as { code: string };
  return { response, problem, tookMs: performance.now() - startedAtMs };
}

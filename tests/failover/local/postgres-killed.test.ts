import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('without PostgreSQL orders answers 503, auth goes on, and nobody is logged out', async () => {
  await using running = await startTestPlatform();
  const { postgres, auth, orders } = running.platform;
  const workload = await startWorkload(running.platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();

  postgres.process?.kill('SIGKILL');
  await postgres.process?.exited;
  const at = (url: string | undefined, path: string) => fetch(`${url}${path}`).then(({ status }) => status);
  await pollUntil('orders unready', 10_000, async () => (await at(orders[0]?.url, '/readyz')) === 503);
  expect(await at(orders[0]?.url, '/livez')).toBe(200);
  expect(await at(auth[0]?.url, '/readyz')).toBe(200);
  await workload.untilServing();

  await postgres.start();
  for (const service of orders) await service.untilReady();
  const ledger = await workload.stop();
  console.log(`PostgreSQL killed: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 180_000);

import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('no acknowledged login is lost, no acknowledged logout comes back, and nobody is logged out', async () => {
  await using running = await startTestPlatform({ supervise: true });
  const { platform } = running;
  const workload = await startWorkload(platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();

  const primary = await platform.redis.findPrimary();
  primary?.process?.kill('SIGKILL');
  await workload.untilServing();
  await (await platform.redis.findPrimary())?.untilReplicated(2);

  const ledger = await workload.stop();
  console.log(`Redis primary killed: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 120_000);

import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { requirePrimary } from '../../support/require-primary.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('no acknowledged login is lost, no acknowledged logout comes back, and nobody is logged out', async () => {
  await using running = await startTestPlatform({ supervise: true });
  const { platform } = running;
  const workload = startWorkload(platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();

  const killed = await requirePrimary(platform.redis);
  killed.process?.kill('SIGKILL');
  await workload.untilServing();
  const successor = await requirePrimary(platform.redis);
  await successor.untilReplicated(2);
  // Its append-only file may lack up to 2 s of confirmed writes, which its replicas have: it must not resume.
  expect(successor.name).not.toBe(killed.name);

  const ledger = await workload.stop();
  console.log(`Redis primary killed: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 120_000);

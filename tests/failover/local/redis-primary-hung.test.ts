import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { requirePrimary, untilReplaced } from '../../support/require-primary.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('a primary that hangs with its connections open is replaced, loses nothing, and comes back as a replica', async () => {
  await using running = await startTestPlatform();
  const { redis, services } = running.platform;
  const workload = startWorkload(running.platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();

  const hung = await requirePrimary(redis);
  hung.process?.kill('SIGSTOP');
  const successor = await untilReplaced(redis, hung);
  await workload.untilServing();
  for (const service of services) await service.untilReady();

  hung.process?.kill('SIGCONT');
  await successor.untilReplicated(2, 60_000);
  expect((await hung.readReplication())['role']).toBe('slave');

  const ledger = await workload.stop();
  console.log(`Redis primary hung: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 180_000);

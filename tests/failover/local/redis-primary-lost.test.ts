import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { requirePrimary, untilReplaced } from '../../support/require-primary.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('a primary that is killed and stays away is replaced, every replica of every service follows, and nothing is lost', async () => {
  await using running = await startTestPlatform();
  const { redis, services } = running.platform;
  const workload = startWorkload(running.platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();

  const lost = await requirePrimary(redis);
  lost.process?.kill('SIGKILL');
  const successor = await untilReplaced(redis, lost);
  await workload.untilServing();
  for (const service of services) await service.untilReady();

  await redis.startNode(lost);
  await successor.untilReplicated(2);
  const ledger = await workload.stop();
  console.log(`Redis primary lost: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 180_000);

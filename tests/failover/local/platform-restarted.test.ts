import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { requirePrimary, untilReplaced } from '../../support/require-primary.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('sessions outlive a cold restart of everything, which resumes the last primary and not the first', async () => {
  await using running = await startTestPlatform();
  const workload = startWorkload(running.platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();
  const { redis } = running.platform;
  const first = await requirePrimary(redis);
  first.process?.kill('SIGKILL');
  const successor = await untilReplaced(redis, first);
  await workload.untilServing();
  await redis.startNode(first);
  await successor.untilReplicated(2);

  await running.restart();
  expect((await requirePrimary(running.platform.redis)).name).toBe(successor.name);
  await workload.untilServing();

  const ledger = await workload.stop();
  console.log(`Cold restart: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 180_000);

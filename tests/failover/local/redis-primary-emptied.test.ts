import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { requirePrimary } from '../../support/require-primary.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test('a primary whose data is gone does not serve as primary again, so its replicas keep every session', async () => {
  await using running = await startTestPlatform();
  const { redis } = running.platform;
  const workload = startWorkload(running.platform);
  onTestFinished(() => workload.abandon());
  await workload.untilServing();

  const emptied = await requirePrimary(redis);
  emptied.process?.kill('SIGKILL');
  await emptied.process?.exited;
  await rm(join(emptied.folder, 'data'), { recursive: true });
  // At once, while the Sentinels still name it.
  await redis.startNode(emptied);
  expect(running.log.join()).toContain(`${emptied.name} is named primary but has no data`);

  const successor = await requirePrimary(redis);
  expect(successor.name).not.toBe(emptied.name);
  await successor.untilReplicated(2);
  await workload.untilServing();
  const ledger = await workload.stop();
  console.log(`Redis primary emptied: ${describeLedger(ledger.entries)}`);
  expect(findViolations(ledger.entries)).toEqual([]);
}, 180_000);

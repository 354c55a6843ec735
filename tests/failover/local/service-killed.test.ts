import { expect, onTestFinished, test } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeLedger } from '../../support/measure-gaps.ts';
import { startWorkload } from '../../support/start-workload.ts';
import { startTestPlatform } from '../../support/test-platform.ts';

test.each(['auth', 'orders'] as const)(
  'a killed %s takes no session along, and is started again',
  async (service) => {
    await using running = await startTestPlatform({ supervise: true });
    const { platform } = running;
    const workload = startWorkload(platform);
    onTestFinished(() => workload.abandon());
    await workload.untilServing();

    const [victim] = platform[service];
    const pid = victim?.process?.pid;
    victim?.process?.kill('SIGKILL');
    await workload.untilServing();
    await expect.poll(() => victim?.process?.pid, { timeout: 20_000 }).not.toBe(pid);
    await victim?.untilReady();

    const ledger = await workload.stop();
    console.log(`${service} killed: ${describeLedger(ledger.entries)}`);
    expect(findViolations(ledger.entries)).toEqual([]);
  },
  180_000,
);

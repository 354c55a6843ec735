import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { missingCluster } from '../../charts/redis-sentinel/cluster-release.ts';
import type { Violation } from '../../support/find-violations.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { describeOutcome } from '../drill/describe-outcome.ts';
import { installOwnRelease, type OwnReleaseOptions } from '../drill/own-release.ts';
import { runDrill } from '../drill/run-drill.ts';
import type { Scenario } from '../drill/scenario.ts';
import { nodeCutOff } from '../drill/scenarios/node-cut-off.ts';
import { primaryEmptied } from '../drill/scenarios/primary-emptied.ts';

const reason = await missingCluster();
const charts = join(import.meta.dirname, '..', '..', '..', 'charts');
/** Were it only left out, a primary that is empty would still let its replicas go first where they don't have the same. */
const guard = /if \[ "\$state" = empty \]; then\n( +)say "named as the primary.*\n/;

/** What the promises stand on is taken away, one thing at a time; a drill must see it. */
describe.skipIf(reason !== undefined)(
  `a drill sees what breaks${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 600_000 },
  () => {
    test('without WAIT, a primary that is cut off confirms logins and logouts that are lost', async () => {
      const { violations, reasons } = await drill(nodeCutOff, { values: ['session.waitReplicas=0'] });
      expect(kindsOf(violations)).not.toEqual([]);
      // Not for long: without its replicas it refuses writes before there is a successor.
      expect(reasons).not.toContainEqual(expect.stringMatching(/isolated primary, [1-9]\d* of them after/));
    });

    // Alone it loses nothing that was confirmed: WAIT refuses all that it would let through. Without WAIT it is what ends the loss.
    test('without WAIT and min-replicas-to-write, it goes on when its successor is there', async () => {
      const values = ['session.waitReplicas=0', 'redis-sentinel.redis.minReplicasToWrite=0'];
      const { violations, reasons } = await drill(nodeCutOff, { values });
      expect(kindsOf(violations)).not.toEqual([]);
      expect(reasons).toContainEqual(
        expect.stringMatching(/confirmed by the isolated primary, [1-9]\d* of them after/),
      );
    });

    test('without the guard against an empty primary, its replicas copy that and every session is lost', async () => {
      await using folder = await createTemporaryFolder('unguarded');
      await cp(charts, folder.path, { recursive: true });
      const file = join(folder.path, 'redis-sentinel', 'files', 'redis.sh');
      const script = await readFile(file, 'utf8');
      expect(script).toMatch(guard);
      await writeFile(file, script.replace(guard, 'if true; then\n$1return\n'));
      // On a slow machine Sentinels would miss it before it is back, and take a replica that has the sessions.
      const values = ['redis-sentinel.sentinel.downAfterMs=20000'];
      const { violations } = await drill(primaryEmptied, { charts: folder.path, values });
      expect(kindsOf(violations)).toContain('lost-login');
    });
  },
);

/** Of those that a lost write leads to: what was logged in is gone, what was logged out is back. */
function kindsOf(violations: readonly Violation[]): string[] {
  return violations.map(({ kind }) => kind).filter((kind) => kind === 'lost-login' || kind === 'resurrected-session');
}

async function drill(scenario: Scenario, options: OwnReleaseOptions) {
  await using own = await installOwnRelease('broken', options);
  const record = await runDrill(own.release, scenario, { users: own.users, repeats: 1 });
  console.log(describeOutcome(record));
  return record.judgement;
}

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingCluster } from '../../charts/redis-sentinel/cluster-release.ts';
import { allScenarios } from '../drill/all-scenarios.ts';
import { describeEvents, describeOutcome } from '../drill/describe-outcome.ts';
import { installOwnRelease, type OwnRelease } from '../drill/own-release.ts';
import { runDrill } from '../drill/run-drill.ts';
import { writeReport } from '../drill/write-report.ts';

const reason = await missingCluster();
/** Enough to see an address go stale; the twenty are in the long part. */
const REPEATS = 2;

/** One release for all: every drill leaves it whole. How long answers took is printed, and judged by `npm run drill` alone. */
describe.skipIf(reason !== undefined)(
  `no answer is a lie${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let own: OwnRelease;

    beforeAll(async () => {
      own = await installOwnRelease('drills');
    }, 480_000);
    afterAll(() => own?.[Symbol.asyncDispose]());

    test.for(allScenarios.map((scenario) => [`${scenario.name}: ${scenario.title}`, scenario] as const))(
      '%s',
      { timeout: 480_000 },
      async ([, scenario]) => {
        const record = await runDrill(own.release, scenario, { users: own.users, repeats: REPEATS });
        console.log(`${scenario.name}: ${describeOutcome(record)}`);
        const { verdict, reasons } = record.judgement;
        if (verdict !== 'held') {
          console.log(describeEvents(record));
          await writeReport(join(import.meta.dirname, 'artefacts', `${scenario.name}.html`), own.release, [record]);
        }
        expect(verdict === 'broken' || verdict === 'unclear' ? reasons : []).toEqual([]);
      },
    );
  },
);

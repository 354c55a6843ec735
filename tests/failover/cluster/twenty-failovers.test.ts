import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingCluster } from '../../charts/redis-sentinel/cluster-release.ts';
import { describeOutcome } from '../drill/describe-outcome.ts';
import { installOwnRelease, type OwnRelease } from '../drill/own-release.ts';
import { runDrill } from '../drill/run-drill.ts';
import { failoversRepeated } from '../drill/scenarios/failovers-repeated.ts';

const reason = await missingCluster();

describe.skipIf(reason !== undefined)(`failovers${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  let own: OwnRelease;

  beforeAll(async () => {
    own = await installOwnRelease('twenty');
  }, 480_000);
  afterAll(() => own?.[Symbol.asyncDispose]());

  test('after twenty no Sentinel knows an address that leads nowhere or is busy, and nothing is lost', async () => {
    const record = await runDrill(own.release, failoversRepeated, { users: own.users, repeats: 20 });
    console.log(describeOutcome(record));
    const { verdict, reasons } = record.judgement;
    expect(verdict === 'broken' || verdict === 'unclear' ? reasons : []).toEqual([]);
  }, 1_800_000);
});

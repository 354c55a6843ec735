import { deletePod } from '../faults.ts';
import type { Scenario } from '../scenario.ts';
import { requireIdleSentinels, requireKnownAddresses } from '../sentinel-state.ts';
import { handOverLimits } from './primary-deleted.ts';

export const failoversRepeated: Scenario = {
  name: 'failovers-repeated',
  title: 'The primary is deleted again and again',
  explanation:
    'Each new primary’s pod is deleted as soon as the set is whole again (20 times; --repeats says otherwise). Every pod comes back with another address of its own. No request may fail, and afterwards no Sentinel may remember an address that leads nowhere, or be busy: both are known to pile up over failovers.',
  needs: [],
  limits: handOverLimits,
  inject: async ({ release, repeats, mark }) => {
    for (let round = 1; round <= repeats; round += 1) {
      const primary = await release.primary();
      mark('fault', `${primary} is deleted (${round} of ${repeats})`);
      await deletePod(release, primary);
      await release.untilReplaced(primary);
      await release.untilCalm();
    }
    return undefined;
  },
  verify: async ({ release, mark }) => {
    await requireKnownAddresses(release);
    const shares = await requireIdleSentinels(release);
    const percent = shares.map((share) => `${(share * 100).toFixed(1)} %`).join(', ');
    mark('drill', `no stale address in Sentinel; its processor time: ${percent} of a core`);
  },
};

import { crash } from '../faults.ts';
import type { Scenario } from '../scenario.ts';

export const primaryEmptied: Scenario = {
  name: 'primary-emptied',
  title: 'The primary loses its data, and is back before anybody missed it',
  explanation:
    'The data of the primary is removed and its container killed, as one on a volume of memory is after a crash. It is back within a second, so every Sentinel still names it: served by it, every session would be gone, and its replicas would copy that. It must refuse until one of them has taken over.',
  needs: [],
  needsFreshPods: true,
  limits: {},
  inject: async ({ release, primary, mark }) => {
    await release.run(primary, 'redis', ['sh', '-c', 'rm -rf /data/appendonlydir /data/state']);
    mark('fault', `${primary} lost its data and is killed`);
    await crash(release, primary, 'redis');
    return undefined;
  },
  observe: async ({ release, primary }) => {
    await release.untilReplaced(primary);
  },
};

import { crash } from '../faults.ts';
import { countRestarts, untilRestarted } from '../restarts.ts';
import type { Scenario } from '../scenario.ts';

export const primaryKilled: Scenario = {
  name: 'primary-killed',
  title: 'The primary’s container is killed',
  explanation:
    'SIGKILL to the first process of the primary’s container, from its node (without access to nodes: to Redis, from inside), as a crash or the kernel’s out-of-memory killer does it. Its directory is intact: the kubelet starts it again in place, and it resumes from its append-only file, which holds every answered write.',
  needs: [],
  needsFreshPods: true,
  limits: { readMs: 2000, writeMs: 2000 },
  inject: async ({ release, primary, mark }) => {
    const before = await countRestarts(release, primary);
    mark('fault', `${primary} is killed`);
    await crash(release, primary, 'redis');
    await untilRestarted(release, primary, before);
    return undefined;
  },
};

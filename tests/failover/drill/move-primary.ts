import { type DrilledRelease, podName } from './drilled-release.ts';
import { deletePod } from './faults.ts';
import { countRestarts } from './restarts.ts';
import type { Scenario } from './scenario.ts';

type Wishes = Pick<Scenario, 'sparesDatabase' | 'sparesFirst' | 'needsFreshPods'>;

/** Hands the primary over, as planned, until it is where the scenario can break it. @returns it */
export async function movePrimary(release: DrilledRelease, wishes: Wishes): Promise<string> {
  if (wishes.needsFreshPods) await replaceRestartedReplicas(release);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const primary = await release.primary();
    if (await isFit(release, primary, wishes)) return primary;
    await deletePod(release, primary);
    await release.untilReplaced(primary);
    await release.untilCalm();
  }
  throw new Error('the primary could not be moved to where this scenario needs it: try again');
}

async function isFit(release: DrilledRelease, primary: string, wishes: Wishes): Promise<boolean> {
  const { sparesDatabase, sparesFirst, needsFreshPods } = wishes;
  const databases = (await release.pods('postgres')).map(({ spec }) => spec?.nodeName);
  const [first] = await release.pods('redis');
  if (sparesDatabase && databases.includes(await release.nodeOf(primary))) return false;
  if (sparesFirst && first !== undefined && podName(first) === primary) return false;
  return !needsFreshPods || (await countRestarts(release, primary)) === 0;
}

/** The kubelet makes a container that crashed before wait, longer each time; a new pod's starts at once. */
async function replaceRestartedReplicas(release: DrilledRelease): Promise<void> {
  const primary = await release.primary();
  for (const pod of (await release.pods('redis')).map(podName)) {
    if (pod === primary || (await countRestarts(release, pod)) === 0) continue;
    await deletePod(release, pod);
    await release.untilCalm();
  }
}

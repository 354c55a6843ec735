import { type Component, podName, type RunningRelease } from '../../support/cluster/running-release.ts';
import { deletePod } from './faults.ts';
import { countRestarts } from './restarts.ts';
import type { Scenario } from './scenario.ts';

type Wishes = Pick<Scenario, 'watchesInside' | 'sparesDatabase' | 'sparesFirst' | 'needsFreshPods'>;

/** Hands the primary over, as planned, to where the scenario can break it. @returns it */
export async function movePrimary(release: RunningRelease, wishes: Wishes): Promise<string> {
  if (wishes.needsFreshPods) await replaceRestartedReplicas(release);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const primary = await release.primary();
    const fit = await findFit(release, primary, wishes);
    if (fit === primary) return primary;
    // Sentinel chooses the least; at its next start this pod has its own again.
    await release.askRedis(fit, 'config', 'set', 'replica-priority', '1');
    await deletePod(release, primary);
    await release.untilReplaced(primary);
    await release.untilCalm();
  }
  throw new Error('the primary could not be moved to where this scenario needs it: try again');
}

/** The pod that may be the primary; the one that is, where it may. @throws Error where none may */
async function findFit(release: RunningRelease, primary: string, wishes: Wishes): Promise<string> {
  const others = (await release.pods('redis')).map(podName).filter((name) => name !== primary);
  for (const name of [primary, ...others]) if (await isFit(release, name, wishes)) return name;
  throw new Error(
    `no pod of Redis can be the primary here, which has to have ${describeWishes(wishes)}: spread the pods otherwise, and try again`,
  );
}

function describeWishes({ watchesInside, sparesDatabase, sparesFirst, needsFreshPods }: Wishes): string {
  const all = [
    watchesInside && 'a pod of auth on its node',
    sparesDatabase && 'no database on its node',
    sparesFirst && 'another number than 0',
    needsFreshPods && 'no restart behind it',
  ];
  return all.filter(Boolean).join(', ');
}

async function isFit(release: RunningRelease, primary: string, wishes: Wishes): Promise<boolean> {
  const { watchesInside, sparesDatabase, sparesFirst, needsFreshPods } = wishes;
  const node = await release.nodeOf(primary);
  const isThere = async (component: Component) =>
    (await release.pods(component)).some(({ spec }) => spec?.nodeName === node);
  const [first] = await release.pods('redis');
  // Clients inside would reach no service, and prove nothing.
  if (watchesInside && !(await isThere('auth'))) return false;
  if (sparesDatabase && (await isThere('postgres'))) return false;
  if (sparesFirst && first !== undefined && podName(first) === primary) return false;
  return !needsFreshPods || (await countRestarts(release, primary)) === 0;
}

/** The kubelet makes a container that crashed before wait, longer each time; a new pod's starts at once. */
async function replaceRestartedReplicas(release: RunningRelease): Promise<void> {
  const primary = await release.primary();
  for (const pod of (await release.pods('redis')).map(podName)) {
    if (pod === primary || (await countRestarts(release, pod)) === 0) continue;
    await deletePod(release, pod);
    await release.untilCalm();
  }
}

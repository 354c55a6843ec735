import { type DrilledRelease, podName } from './drilled-release.ts';
import { deletePod } from './faults.ts';
import type { Scenario } from './scenario.ts';

/** Hands the primary over, as planned, until it is where the scenario can break it. @returns it */
export async function movePrimary(
  release: DrilledRelease,
  { sparesDatabase, sparesFirst }: Pick<Scenario, 'sparesDatabase' | 'sparesFirst'>,
): Promise<string> {
  const databases = new Set((await release.pods('postgres')).map(({ spec }) => spec?.nodeName));
  const [first] = await release.pods('redis');
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const primary = await release.primary();
    const besideDatabase = sparesDatabase && databases.has(await release.nodeOf(primary));
    const isFirst = sparesFirst && first !== undefined && podName(first) === primary;
    if (!besideDatabase && !isFirst) return primary;
    await deletePod(release, primary);
    await release.untilReplaced(primary);
    await release.untilCalm();
  }
  throw new Error('the primary could not be moved to where this scenario needs it: try again');
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfigPath } from '../../../k8s/cluster/paths.ts';
import { putImages } from '../../../k8s/images/put-images.ts';
import { connectCluster } from '../../support/cluster/connect-cluster.ts';
import { readDemoUsers, readUsersFile } from '../../support/cluster/read-users.ts';
import { RunningRelease } from '../../support/cluster/running-release.ts';
import { allScenarios } from './all-scenarios.ts';
import { confirmTarget } from './confirm-target.ts';
import { describeOutcome } from './describe-outcome.ts';
import { describeScenarios } from './describe-scenarios.ts';
import { type DrillArguments, DrillUsageError, drillUsage, parseDrillArguments } from './drill-arguments.ts';
import { missingNeed } from './missing-needs.ts';
import { installOwnRelease, type OwnRelease } from './own-release.ts';
import { type DrillRecord, runDrill } from './run-drill.ts';
import type { Scenario } from './scenario.ts';
import { showProgress } from './show-progress.ts';
import { writeReport } from './write-report.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** `npm run drill`. @returns the exit code: 0 only when every promise held */
async function main(): Promise<number> {
  const given = parseDrillArguments(process.argv.slice(2));
  if (given.help) {
    console.log(drillUsage);
    return 0;
  }
  if (given.list) {
    console.log(describeScenarios(given.scenarios.length > 0 ? given.scenarios : allScenarios));
    return 0;
  }
  await confirmTarget(given);
  await using target = await openTarget(given);
  const { release, users } = target;
  await release.require();

  const abort = new AbortController();
  process.once('SIGINT', () => {
    console.log('mending what is broken, and leaving; once more leaves it broken');
    process.once('SIGINT', () => process.exit(130));
    abort.abort();
  });
  const records: DrillRecord[] = [];
  const scenarios: Scenario[] = [];
  for (const scenario of given.scenarios) {
    const missing = await missingNeed(release, scenario);
    if (missing === undefined) scenarios.push(scenario);
    else if (given.all) console.log(`skipped: ${scenario.name}: ${missing}`);
    else throw new Error(`${scenario.name} can’t be run here: ${missing}`);
  }
  // Not the same five times on end: whoever kills one container over and over waits ever longer for the kubelet to start it.
  const drills = Array.from({ length: given.runs }, (_, run) =>
    scenarios.map((scenario) => ({ scenario, run })),
  ).flat();
  for (const { scenario, run } of drills) {
    if (abort.signal.aborted) break;
    console.log(`\n${scenario.title}${given.runs > 1 ? ` (run ${run + 1} of ${given.runs})` : ''}`);
    const record = await runDrill(release, scenario, {
      users,
      repeats: given.repeats,
      signal: abort.signal,
      ...showProgress(),
    });
    console.log(describeOutcome(record));
    records.push(record);
  }
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const name = given.all ? 'all' : given.scenarios.map((scenario) => scenario.name).join('-');
  const file = given.reportFile ?? join(root, '.holdfast', 'drills', `${stamp}-${name}.html`);
  await writeReport(file, release, records);
  const held = records.filter(({ judgement }) => judgement.verdict === 'held').length;
  console.log(`\n${held} of ${records.length} drills kept every promise; report: ${file}`);
  return records.length > 0 && held === records.length && !abort.signal.aborted ? 0 : 1;
}

async function openTarget(given: DrillArguments): Promise<Pick<OwnRelease, 'release' | 'users'> & AsyncDisposable> {
  const { context, namespace, release: name } = given;
  if (context === undefined && !existsSync(kubeconfigPath))
    throw new Error('There is no cluster here: make one with `npm run cluster:up`, or name yours with --context.');
  if (namespace === undefined || name === undefined) {
    console.log('installing a release to break; its images are built where they are missing:');
    await putImages();
    return await installOwnRelease('drill');
  }
  const release = new RunningRelease(connectCluster(context), namespace, name);
  const users = await (given.usersFile === undefined ? readDemoUsers(release) : readUsersFile(given.usersFile));
  return { release, users, [Symbol.asyncDispose]: async () => {} };
}

try {
  process.exitCode = await main();
} catch (error) {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    console.error(at === error ? at.message : `because: ${at.message}`);
  process.exitCode = error instanceof DrillUsageError ? 2 : 1;
}
// Streams to a lost node may stay open for minutes; all that had to be written is.
process.exit();

import { parseArgs } from 'node:util';
import { allScenarios } from './all-scenarios.ts';
import type { Scenario } from './scenario.ts';

export interface DrillArguments {
  readonly scenarios: readonly Scenario[];
  /** Whether they were all asked for: then one that can't run here is left out, and not an error. */
  readonly all: boolean;
  readonly list: boolean;
  readonly help: boolean;
  readonly runs: number;
  readonly repeats: number;
  readonly namespace: string | undefined;
  readonly release: string | undefined;
  readonly context: string | undefined;
  readonly usersFile: string | undefined;
  readonly reportFile: string | undefined;
  readonly yes: boolean;
}

export const drillUsage = `usage: npm run drill -- SCENARIO...|all [options]
  --list             explains every scenario
  --help             prints this
  --namespace NAME   and
  --release NAME     the release of the chart holdfast to break; default: one of the drill's own, on the cluster of \`npm run cluster:up\`
  --context NAME     a context of your kubeconfig; default: the cluster of \`npm run cluster:up\`
  --users FILE       JSON [{"username", "password"}] of two users or more, four where a user may have only 100 sessions; default: the release's demo users
  --runs N           how often each scenario is run; default: 1
  --repeats N        how often failovers-repeated fails over; default: 20
  --report FILE      where to write the report (HTML, and the same as .json); default: below .holdfast/drills
  --yes              does not ask before it breaks something in a context that is not the project's own`;

export class DrillUsageError extends Error {}

/** @throws DrillUsageError that says what is wrong */
export function parseDrillArguments(args: readonly string[]): DrillArguments {
  const { values, positionals } = parse(args);
  const all = positionals.includes('all');
  const unknown = positionals.filter((name) => name !== 'all' && !allScenarios.some((each) => each.name === name));
  if (unknown.length > 0)
    throw new DrillUsageError(
      `no scenario ${unknown.join(', ')}: it is one of ${allScenarios.map(({ name }) => name).join(', ')}, or all`,
    );
  if (positionals.length === 0 && !values.list && !values.help) throw new DrillUsageError(drillUsage);
  if (values.context !== undefined && (values.namespace === undefined || values.release === undefined))
    throw new DrillUsageError(
      '--context needs --namespace and --release: the drill installs nothing in a cluster of yours.',
    );
  if ((values.namespace === undefined) !== (values.release === undefined))
    throw new DrillUsageError('--namespace and --release belong together: name both, or neither.');
  return {
    all,
    scenarios: allScenarios.filter(({ name }) => all || positionals.includes(name)),
    list: values.list,
    help: values.help,
    runs: parseCount('--runs', values.runs),
    repeats: parseCount('--repeats', values.repeats),
    namespace: values.namespace,
    release: values.release,
    context: values.context,
    usersFile: values.users,
    reportFile: values.report,
    yes: values.yes,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        namespace: { type: 'string' },
        release: { type: 'string' },
        context: { type: 'string' },
        users: { type: 'string' },
        runs: { type: 'string', default: '1' },
        repeats: { type: 'string', default: '20' },
        report: { type: 'string' },
        yes: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new DrillUsageError(`${(error as Error).message}\n${drillUsage}`, { cause: error });
  }
}

function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw new DrillUsageError(`${option} is a whole number from 1 to 1000, not ${text}.`);
  return count;
}

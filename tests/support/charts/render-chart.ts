import { parseAllDocuments, stringify } from 'yaml';
import { toolPath } from '../../../k8s/cluster/binaries.ts';
import { runCommand } from '../../../k8s/cluster/run-command.ts';

export interface ChartOptions {
  /** Values files, or values. Later ones win. */
  values?: readonly (string | Record<string, unknown>)[] | Record<string, unknown>;
  /** `key=value` as for `helm --set`. */
  set?: readonly string[];
  release?: string;
  namespace?: string;
}

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: a manifest of any kind
  [field: string]: any;
}

/**
 * What `helm template` makes of the chart.
 *
 * @throws Error with what the schema or a `fail` of the chart says, or with what a strict parser does not take: helm itself does not
 *   mind a key that is there twice, and the last one wins
 */
export async function renderChart(chart: string, options: ChartOptions = {}): Promise<Manifest[]> {
  return parseAllDocuments(await renderChartText(chart, options), { strict: true, uniqueKeys: true })
    .map((document) => {
      for (const problem of [...document.errors, ...document.warnings]) throw problem;
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}

export async function renderChartText(chart: string, options: ChartOptions = {}): Promise<string> {
  const { release = 'try', namespace = 'team' } = options;
  return await runHelm(['template', release, chart, '--namespace', namespace], options);
}

/** @throws Error with what `helm lint --strict` found */
export async function lintChart(chart: string, options: ChartOptions = {}): Promise<void> {
  await runHelm(['lint', '--strict', chart], options);
}

async function runHelm(args: readonly string[], { values = [], set = [] }: ChartOptions): Promise<string> {
  const all = Array.isArray(values) ? values : [values];
  const files = all.filter((one) => typeof one === 'string');
  const inline = all.filter((one) => typeof one !== 'string');
  if (inline.length > 1) throw new Error('give values as one object');
  const input = inline[0] === undefined ? [] : ['--values', '-'];
  return await runCommand(
    await toolPath('helm'),
    [...args, ...files.flatMap((file) => ['--values', file]), ...input, ...set.flatMap((one) => ['--set', one])],
    { input: inline[0] === undefined ? '' : stringify(inline[0]) },
  );
}

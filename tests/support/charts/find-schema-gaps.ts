import { listValues, valueAt } from './list-values.ts';
import { renderChart } from './render-chart.ts';

/** So few that all complaints stand in one message. */
const atOnce = 8;

/**
 * Mistakes in values that the chart's values.schema.json lets through: for each group of values an unknown key, for each value
 * one of a wrong type. Empty when there is no such gap.
 *
 * @param open groups whose keys are the user's own, as labels are: `['commonLabels']`
 */
export async function findSchemaGaps(chart: string, open: readonly string[]): Promise<string[]> {
  const values = await listValues(chart);
  const isOpen = (path: readonly string[]) => open.includes(path.join('.'));
  const groups = values.filter(({ isGroup, path }) => isGroup && !isOpen(path));
  const mistakes = [[], ...groups.map(({ path }) => path)].map((path) => ({
    path: [...path, 'noSuchValue'],
    value: 'x',
    says: `additional properties 'noSuchValue'`,
  }));
  const wrongTypes = values
    .filter(({ path, isGroup }) => !isGroup && !path.slice(0, -1).some((_, depth) => isOpen(path.slice(0, depth + 1))))
    // A number is no string, list, map or truth; a list with itself in it is nothing that any value is.
    .map(({ path, default: given }) => ({ path, value: typeof given === 'number' ? [[]] : 1.5, says: '' }));

  const gaps: string[] = [];
  for (const batch of inBatches([...mistakes, ...wrongTypes])) {
    const input = batch.map(({ path, value }) => valueAt(path, value)).reduce(merge, {});
    const complaint = await renderChart(chart, { values: input }).then(
      () => '',
      (error: Error) => error.message,
    );
    for (const { path, says } of batch) {
      const at = says === '' ? `at '/${path.join('/')}'` : `at '/${path.slice(0, -1).join('/')}': ${says}`;
      if (!complaint.replaceAll("at ''", "at '/'").includes(at)) gaps.push(path.join('.'));
    }
  }
  return gaps;
}

function inBatches<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / atOnce) }, (_, i) => all.slice(i * atOnce, (i + 1) * atOnce));
}

function merge(into: Record<string, unknown>, from: Record<string, unknown>): Record<string, unknown> {
  for (const [key, value] of Object.entries(from)) {
    const here = into[key];
    into[key] = isObject(here) && isObject(value) ? merge(here, value) : value;
  }
  return into;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

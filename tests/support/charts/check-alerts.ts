import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runCommand } from '../../../k8s/cluster/run-command.ts';
import { createTemporaryFolder } from '../temporary-folder.ts';
import type { Manifest } from './render-chart.ts';
import { requireProgram } from './require-program.ts';

/** What each alert must say of some series, as in Prometheus' documentation "Unit testing for rules". */
export interface AlertTest {
  name: string;
  /** Series in Prometheus' own notation, a value a minute: `{'up{pod="a"}': '1x9 0x5'}`. */
  series: Record<string, string>;
  minutes: number;
  firing: readonly string[];
}

/**
 * Checks the rules of a PrometheusRule and unit-tests them: of all alerts exactly the named ones may fire.
 *
 * @throws Error with what promtool found
 */
export async function checkAlerts(rule: Manifest, tests: readonly AlertTest[]): Promise<void> {
  const promtool = await requireProgram('promtool');
  await using folder = await createTemporaryFolder('alerts');
  const rules = join(folder.path, 'rules.yaml');
  const unitTests = join(folder.path, 'tests.yaml');
  await writeFile(rules, stringify({ groups: rule['spec'].groups }));
  await writeFile(
    unitTests,
    stringify({
      rule_files: [rules],
      evaluation_interval: '15s',
      tests: tests.map(({ name, series, minutes, firing }) => ({
        name,
        interval: '1m',
        input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
        promql_expr_test: [
          {
            expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
            eval_time: `${minutes}m`,
            exp_samples: firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
          },
        ],
      })),
    }),
  );
  await runCommand(promtool, ['check', 'rules', rules]);
  await runCommand(promtool, ['test', 'rules', unitTests]);
}

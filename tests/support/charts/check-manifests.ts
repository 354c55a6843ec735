import { join } from 'node:path';
import { toolPath } from '../../../k8s/cluster/binaries.ts';
import { runCommand } from '../../../k8s/cluster/run-command.ts';
import { kubernetesSchemas } from './kubernetes-schemas.ts';
import { type ChartOptions, renderChartText } from './render-chart.ts';

/** Kinds that come with operators, whose schemas Kubernetes doesn't have. */
const customKinds = [
  'cert-manager.io/v1/Certificate',
  'external-secrets.io/v1/ExternalSecret',
  'gateway.networking.k8s.io/v1/HTTPRoute',
  'monitoring.coreos.com/v1/PodMonitor',
  'monitoring.coreos.com/v1/PrometheusRule',
  'monitoring.coreos.com/v1/ServiceMonitor',
];

/**
 * Renders the chart and holds each manifest against the schema of the cluster's Kubernetes version, where unknown fields are errors.
 *
 * @returns how many manifests are valid
 * @throws Error with what kubeconform found
 */
export async function checkManifests(chart: string, options: ChartOptions = {}): Promise<number> {
  const schemas = join(await kubernetesSchemas(), '{{.ResourceKind}}{{.KindSuffix}}.json');
  const report = await runCommand(
    await toolPath('kubeconform'),
    ['-strict', '-summary', '-schema-location', schemas, '-skip', customKinds.join(','), '-'],
    { input: await renderChartText(chart, options) },
  );
  return Number(/Valid: (\d+)/.exec(report)?.[1]);
}

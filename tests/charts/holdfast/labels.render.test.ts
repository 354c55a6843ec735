import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Manifest, renderChart } from '../../support/charts/render-chart.ts';

const chart = join(import.meta.dirname, '../../../charts/holdfast');
const dev = join(import.meta.dirname, '../../../k8s/environments/dev.yaml');

/** Every key that the charts set themselves, and one that they don't. */
const taken = {
  'app.kubernetes.io/name': 'other',
  'app.kubernetes.io/instance': 'other',
  'app.kubernetes.io/component': 'other',
  'app.kubernetes.io/part-of': 'shop',
  'app.kubernetes.io/version': '9',
  'app.kubernetes.io/managed-by': 'argocd',
  'helm.sh/chart': 'other',
  'holdfast.dev/redis-client': 'false',
  team: 'checkout',
};
const annotations = {
  'checksum/once': 'other',
  'checksum/config': 'other',
  'kubectl.kubernetes.io/default-container': 'other',
  'holdfast.dev/exporter-generation': 'other',
  note: 'kept',
};
const monitoring = {
  enabled: true,
  serviceMonitor: { enabled: true, labels: taken },
  prometheusRule: { enabled: true, labels: taken },
  dashboard: { enabled: true, labels: taken },
};
const pods = { podLabels: taken, podAnnotations: annotations };
/** What is on, the labels, and the same without them. */
const matrix: [string, Record<string, unknown>, Record<string, unknown>][] = [
  ['labels for everything', { commonLabels: taken, 'redis-sentinel': { commonLabels: taken } }, {}],
  ['labels and annotations for pods', { service: pods, 'redis-sentinel': { redis: pods, sentinel: pods } }, {}],
  [
    'all of them, and labels for monitoring',
    {
      commonLabels: taken,
      service: pods,
      podMonitor: { enabled: true, labels: taken },
      'redis-sentinel': { commonLabels: taken, redis: pods, sentinel: pods, metrics: monitoring },
    },
    { podMonitor: { enabled: true }, 'redis-sentinel': { metrics: { enabled: true } } },
  ],
];

const matches = (labels: Record<string, string> = {}, selector: Record<string, string> = {}) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);
const workloads = (manifests: readonly Manifest[]) =>
  manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');

describe.each(matrix)('%s that the chart sets too', (_, values, without) => {
  test('are there once, and change nothing that selects pods', async () => {
    const [plain, labelled] = await Promise.all([
      renderChart(chart, { values: [dev, without] }),
      renderChart(chart, { values: [dev, values] }),
    ]);
    for (const { metadata, spec } of workloads(labelled)) {
      const { labels } = spec.template.metadata;
      expect(matches(labels, spec.selector.matchLabels), metadata.name).toBe(true);
      const before = workloads(plain).find((other) => other.metadata.name === metadata.name);
      expect(spec.selector, metadata.name).toEqual(before?.['spec'].selector);
      const fixed = before?.['spec'].template.metadata.labels['holdfast.dev/redis-client'];
      if (fixed !== undefined) expect(labels['holdfast.dev/redis-client'], metadata.name).toBe(fixed);
      for (const key of Object.keys(before?.['spec'].template.metadata.annotations ?? {})) {
        expect(spec.template.metadata.annotations[key], `${metadata.name} ${key}`).not.toBe('other');
      }
    }
    const policies = (manifests: readonly Manifest[]) =>
      manifests.filter(({ kind }) => kind === 'NetworkPolicy').map(({ metadata, spec }) => [metadata.name, spec]);
    expect(policies(labelled)).toEqual(policies(plain));
    // Redis lets in whom these labels are on, and they are the services' own.
    const redisPolicy = labelled.find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && /-redis$/.test(metadata.name),
    );
    const peers = redisPolicy?.['spec'].ingress[0].from as { podSelector: { matchLabels: Record<string, string> } }[];
    for (const { metadata, spec } of labelled.filter(({ kind }) => kind === 'Deployment')) {
      const { labels } = spec.template.metadata;
      expect(
        peers.some(({ podSelector }) => matches(labels, podSelector.matchLabels)),
        metadata.name,
      ).toBe(true);
    }
    const services = (manifests: readonly Manifest[]) =>
      manifests.filter(({ kind }) => kind === 'Service').map(({ metadata, spec }) => [metadata.name, spec.selector]);
    expect(services(labelled)).toEqual(services(plain));
  });
});

test('labels that select nothing are the user’s to choose', async () => {
  const manifests = await renderChart(chart, { values: [dev, { commonLabels: taken, service: pods }] });
  const deployment = manifests.find(({ kind }) => kind === 'Deployment');
  for (const labels of [deployment?.metadata.labels, deployment?.['spec'].template.metadata.labels]) {
    expect(labels).toMatchObject({ team: 'checkout', 'app.kubernetes.io/part-of': 'shop' });
  }
  expect(deployment?.['spec'].template.metadata.annotations).toMatchObject({ note: 'kept' });
});

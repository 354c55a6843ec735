import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AlertTest, checkAlerts } from '../../support/charts/check-alerts.ts';
import { type Manifest, renderChart } from '../../support/charts/render-chart.ts';

const chart = join(import.meta.dirname, '../../../charts/redis-sentinel');
const rendered = renderChart(chart, {
  values: {
    metrics: {
      enabled: true,
      serviceMonitor: { enabled: true, labels: { release: 'monitoring' } },
      prometheusRule: { enabled: true, labels: { release: 'monitoring' } },
      dashboard: { enabled: true },
    },
  },
});
const find = async (kind: string, name: string): Promise<Manifest> => {
  const found = (await rendered).find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind}/${name}`);
  return found;
};

const labels = (component: string, number: number, more = '') =>
  `{namespace="team",service="try-redis-sentinel",component="${component}",pod="${component}-${number}"${more}}`;

/** Ten minutes of a healthy set, with what a test says instead. Series of another release stand beside it. */
function series(changes: Record<string, string | undefined> = {}): Record<string, string> {
  const healthy: Record<string, string> = {};
  for (const component of ['redis', 'sentinel']) {
    for (const number of [0, 1, 2]) {
      healthy[`up${labels(component, number)}`] = '1x20';
      healthy[`redis_up${labels(component, number)}`] = '1x20';
      healthy[`redis_cpu_user_seconds_total${labels(component, number)}`] = '0+0.3x20';
      healthy[`redis_cpu_sys_seconds_total${labels(component, number)}`] = '0+0.3x20';
    }
  }
  for (const number of [0, 1, 2]) {
    const role = number === 0 ? 'master' : 'slave';
    healthy[`redis_instance_info${labels('redis', number, `,role="${role}"`)}`] = '1x20';
    healthy[`redis_connected_slaves${labels('redis', number)}`] = number === 0 ? '2x20' : '0x20';
    healthy[`redis_memory_used_bytes${labels('redis', number)}`] = '100x20';
    healthy[`redis_memory_max_bytes${labels('redis', number)}`] = '300x20';
    healthy[`redis_sentinel_tilt${labels('sentinel', number)}`] = '0x20';
    healthy[`redis_sentinel_master_ckquorum_status${labels('sentinel', number)}`] = '1x20';
  }
  const other = { namespace: 'elsewhere', service: 'try-redis-sentinel', role: 'master' };
  const otherLabels = Object.entries(other).map(([key, value]) => `${key}="${value}"`);
  healthy[`redis_instance_info{${otherLabels},pod="redis-9"}`] = '1x20';
  const all = { ...healthy, ...changes };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const master = (number: number) => `redis_instance_info${labels('redis', number, ',role="master"')}`;
const everyone = (metric: string, component: string, values: string | undefined) =>
  Object.fromEntries([0, 1, 2].map((number) => [`${metric}${labels(component, number)}`, values]));

const tests: AlertTest[] = [
  { name: 'all is well', series: series(), minutes: 10, firing: [] },
  {
    name: 'a hand-over: no primary for a moment',
    series: series({ [master(0)]: '1x4 _ _ _', [master(1)]: '_x4 1x16' }),
    minutes: 10,
    firing: [],
  },
  { name: 'no primary', series: series({ [master(0)]: '1x4 stale' }), minutes: 7, firing: ['RedisNoPrimary'] },
  { name: 'two primaries', series: series({ [master(1)]: '_x3 1x17' }), minutes: 6, firing: ['RedisTwoPrimaries'] },
  {
    name: 'a primary alone',
    series: series({ [`redis_connected_slaves${labels('redis', 0)}`]: '2x4 0x16' }),
    minutes: 7,
    firing: ['RedisNoReplica'],
  },
  {
    name: 'one replica is enough',
    series: series({ [`redis_connected_slaves${labels('redis', 0)}`]: '2x4 1x16' }),
    minutes: 10,
    firing: [],
  },
  {
    name: 'Sentinels that don’t see each other',
    series: series(everyone('redis_sentinel_master_ckquorum_status', 'sentinel', '1x4 0x16')),
    minutes: 7,
    firing: ['RedisQuorumLost'],
  },
  {
    name: 'one Sentinel left',
    series: series({
      [`redis_up${labels('sentinel', 1)}`]: '1x4 0x16',
      [`redis_up${labels('sentinel', 2)}`]: '1x4 0x16',
    }),
    minutes: 6,
    firing: ['RedisQuorumLost'],
  },
  {
    name: 'a Sentinel in TILT',
    series: series({ [`redis_sentinel_tilt${labels('sentinel', 2)}`]: '0x4 1x16' }),
    minutes: 7,
    firing: ['RedisSentinelTilt'],
  },
  {
    // Its limit of a fifth of a core keeps a Sentinel that spins (redis/redis#9956) from using more.
    name: 'a Sentinel that spins, as much as it is allowed',
    series: series({
      [`redis_cpu_user_seconds_total${labels('sentinel', 0)}`]: '0+5x20',
      [`redis_cpu_sys_seconds_total${labels('sentinel', 0)}`]: '0+7x20',
    }),
    minutes: 15,
    firing: ['RedisSentinelBusy'],
  },
  {
    name: 'a full Redis',
    series: series({ [`redis_memory_used_bytes${labels('redis', 0)}`]: '100x2 280x18' }),
    minutes: 12,
    firing: ['RedisMemoryNearLimit'],
  },
  {
    name: 'an exporter that is gone',
    series: series({ [`up${labels('redis', 1)}`]: '1x2 0x18' }),
    minutes: 8,
    firing: ['RedisExporterDown'],
  },
  {
    name: 'nothing is measured',
    series: { 'up{job="other"}': '1x20' },
    minutes: 5,
    firing: ['RedisMetricsMissing', 'RedisNoPrimary'],
  },
];

describe('alerts', () => {
  test('each fires when it should and at no other time', async () => {
    await checkAlerts(await find('PrometheusRule', 'try-redis-sentinel'), tests);
  });

  test('none is untested, and each says how bad it is and what to do', async () => {
    const rules = (await find('PrometheusRule', 'try-redis-sentinel'))['spec'].groups[0].rules as {
      alert: string;
      labels: { severity: string };
      annotations: Record<string, string>;
    }[];
    const tested = new Set(tests.flatMap(({ firing }) => firing));
    expect(rules.map(({ alert }) => alert).filter((alert) => !tested.has(alert))).toEqual([]);
    for (const {
      labels: { severity },
      annotations,
    } of rules) {
      expect(['critical', 'warning']).toContain(severity);
      expect(annotations['summary']).toBeTruthy();
      expect(annotations['description']).toBeTruthy();
    }
  });
});

test('the dashboard is a dashboard, and Grafana’s sidecar finds it', async () => {
  const { data, metadata } = await find('ConfigMap', 'try-redis-sentinel-dashboard');
  expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
  const dashboard = JSON.parse(data['try-redis-sentinel.json']) as {
    title: string;
    panels: { title: string; type: string; targets?: { expr: string }[] }[];
  };
  expect(dashboard.title).toBeTruthy();
  const text = JSON.stringify(dashboard.panels).toLowerCase();
  for (const subject of ['cpu', 'memory', 'clients', 'lag', 'failover', 'sessions']) expect(text).toContain(subject);
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  expect(panels.filter(({ targets }) => !targets?.length).map(({ title }) => title)).toEqual([]);
});

test('the ServiceMonitor finds the Service that has the port, and says which component it measures', async () => {
  const [monitor, service] = [
    await find('ServiceMonitor', 'try-redis-sentinel'),
    await find('Service', 'try-redis-sentinel'),
  ];
  expect(service.metadata.labels).toMatchObject(monitor['spec'].selector.matchLabels);
  expect(service['spec'].ports.map(({ name }: { name: string }) => name)).toContain(monitor['spec'].endpoints[0].port);
  expect(monitor.metadata.labels).toMatchObject({ release: 'monitoring' });
  expect(JSON.stringify(monitor['spec'].endpoints)).toContain('"targetLabel":"component"');
});

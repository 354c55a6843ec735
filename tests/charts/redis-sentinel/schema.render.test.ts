import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findSchemaGaps } from '../../support/charts/find-schema-gaps.ts';
import { listValues, valueAt } from '../../support/charts/list-values.ts';
import { lintChart, renderChart } from '../../support/charts/render-chart.ts';

const chart = join(import.meta.dirname, '../../../charts/redis-sentinel');

const open = [
  ...['networkPolicy.clientLabels', 'metrics.dashboard.labels'],
  ...['redis', 'sentinel', 'metrics'].flatMap((of) => [`${of}.resources.requests`, `${of}.resources.limits`]),
];

describe('values', () => {
  test('each has a comment that says what it is for', async () => {
    const values = await listValues(chart);
    const undocumented = values.filter(
      ({ path, isGroup, isDocumented }) =>
        !isGroup && !isDocumented && !/resources|clientLabels|dashboard\.labels|^users\./.test(path.join('.')),
    );
    expect(undocumented.map(({ path }) => path.join('.'))).toEqual([]);
    expect(values.length).toBeGreaterThan(60);
  });

  test('unknown keys and wrong types are refused, everywhere', async () => {
    expect(await findSchemaGaps(chart, open)).toEqual([]);
  }, 60_000);

  test.for([
    ['redis.replicas', '0'],
    ['redis.appendfsync', 'no'],
    ['redis.persistence.size', 'much'],
    ['redis.maxmemoryPercent', '95'],
    ['sentinel.replicas', '2.5'],
    ['sentinel.downAfterMs', '1999'],
    ['image.digest', 'sha256:abc'],
    ['users.auth.generation', '0'],
    ['networkPolicy.clientLabels', {}],
    ['spread.hosts', 'Sometimes'],
    ['runAsUser', '0'],
    ['masterName', 'two words'],
  ] as const)('%s can’t be %j', async ([path, value]) => {
    const given = typeof value === 'string' && /^[\d.]+$/.test(value) ? Number(value) : value;
    const options =
      path === 'networkPolicy.clientLabels'
        ? // Helm merges maps: the defaults go away only when they are set to null.
          { values: valueAt(path.split('.'), { 'holdfast.dev/redis-client': null }) }
        : { values: valueAt(path.split('.'), given) };
    await expect(renderChart(chart, options)).rejects.toThrow(`at '/${path.replaceAll('.', '/')}'`);
  });

  test('helm lint --strict has nothing to say', async () => {
    await lintChart(chart);
    await lintChart(chart, { values: { tls: { enabled: true }, metrics: { enabled: true } } });
  });
});

/** Combinations that can't work. The remedy is a part of the message that the reader can act on. */
describe('what can’t work is refused with the remedy', () => {
  const existing = { tls: { existingSecret: 'certificate' } };
  test.for([
    ['too few replicas', { redis: { replicas: 2 } }, 'Set redis.replicas to 3 or more'],
    ['one Redis', { redis: { replicas: 1 } }, 'redis.minReplicasToWrite to 0'],
    ['two writers’ worth of replicas', { redis: { minReplicasToWrite: 2 } }, 'Set redis.replicas to 4 or more'],
    ['an even number of Sentinels', { sentinel: { replicas: 4 } }, 'Set it to an odd number'],
    ['a quorum of more than all', { sentinel: { quorum: 4 } }, 'Set sentinel.quorum to 2'],
    [
      'resuming with less than was answered',
      { redis: { appendfsync: 'everysec' } },
      'Set redis.resumeMaxMebibytes to 0',
    ],
    ['no limit of memory', { redis: { resources: { limits: { memory: null } } } }, 'Set it, for example to 512Mi'],
    ['a line the chart writes itself', { redis: { extraConfig: ['appendonly no'] } }, 'Remove that line'],
    ['the same in capitals', { redis: { extraConfig: ['MIN-REPLICAS-TO-WRITE 0'] } }, 'redis.minReplicasToWrite'],
    [
      'two certificates',
      { tls: { enabled: true, certManager: { enabled: true }, ...existing.tls } },
      'Leave tls.existingSecret empty',
    ],
    [
      'nobody who signs',
      { tls: { enabled: true, certManager: { enabled: true } } },
      '--set tls.certManager.issuerRef.name=',
    ],
    ['a certificate for nothing', existing, 'Set tls.enabled to true'],
    ['alerts without metrics', { metrics: { prometheusRule: { enabled: true } } }, 'set metrics.enabled to true'],
    ['a monitor without metrics', { metrics: { serviceMonitor: { enabled: true } } }, 'set metrics.enabled to true'],
    ['a Secret that isn’t there', { users: { auth: { existingSecret: 'no-such' } } }, 'Create it first'],
    ['a name no Service can have', { fullnameOverride: '3redis' }, 'set fullnameOverride'],
  ] as const)('%s', async ([, values, remedy]) => {
    await expect(renderChart(chart, { values })).rejects.toThrow(remedy);
  });
});

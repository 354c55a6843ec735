import { hash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { redisUserRules } from '@holdfast/session';
import { describe, expect, test } from 'vitest';
import { createRedisConfig } from '../../../services/local/src/redis-config.ts';
import { redisRules } from '../../../services/local/src/redis-users.ts';
import { checkManifests } from '../../support/charts/check-manifests.ts';
import { checkShell } from '../../support/charts/check-shell.ts';
import { findExposedSecrets } from '../../support/charts/find-exposed-secrets.ts';
import { findPodWeaknesses } from '../../support/charts/find-pod-weaknesses.ts';
import { podSpecs } from '../../support/charts/pod-specs.ts';
import { type ChartOptions, type Manifest, renderChart } from '../../support/charts/render-chart.ts';

const chart = join(import.meta.dirname, '../../../charts/redis-sentinel');
const metrics = {
  enabled: true,
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true },
  dashboard: { enabled: true },
};
const variants: [name: string, options: ChartOptions][] = [
  ['as it comes', {}],
  ['with metrics and TLS', { values: { metrics, tls: { enabled: true } } }],
  [
    'with cert-manager, five Sentinels and DNS',
    {
      values: {
        tls: { enabled: true, certManager: { enabled: true, issuerRef: { name: 'ca' } } },
        sentinel: { replicas: 5, quorum: 3 },
        networkPolicy: { dnsPort: 5353, clientNamespaces: ['apps', 'more-apps'] },
      },
    },
  ],
  [
    'with Secrets of your own',
    { values: { users: { auth: { existingSecret: 'mine', passwordHashes: [hash('sha256', 'x')] } } } },
  ],
  [
    'for a developer: one of each, without policies, Valkey',
    {
      values: {
        image: { repository: 'valkey/valkey', tag: '8' },
        redis: {
          replicas: 1,
          minReplicasToWrite: 0,
          affinity: { nodeAffinity: {} },
          tolerations: [{ operator: 'Exists' }],
        },
        sentinel: { replicas: 1, quorum: 1, priorityClassName: 'low' },
        networkPolicy: { enabled: false },
        commonLabels: { team: 'platform' },
        imagePullSecrets: [{ name: 'pull' }],
      },
    },
  ],
];

describe.for(variants)('%s', ([, options]) => {
  test('Kubernetes takes every manifest', async () => {
    expect(await checkManifests(chart, options)).toBeGreaterThan(15);
  });

  test('no container has more rights than it needs, or no limits', async () => {
    const manifests = await renderChart(chart, options);
    expect(podSpecs(manifests).length).toBeGreaterThanOrEqual(3);
    expect(findPodWeaknesses(manifests)).toEqual([]);
  });

  test('no value of a Secret stands in the open', async () => {
    const manifests = await renderChart(chart, options);
    expect(findExposedSecrets(manifests)).toEqual([]);
    expect(named(manifests, 'Secret', 'try-redis-sentinel-validator')['stringData'].password).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('Redis users', () => {
  const rulesOf = async (user: string) => {
    const acl: string = named(await renderChart(chart), 'Secret', 'try-redis-sentinel-acl')['stringData']['redis.acl'];
    const line = acl.split('\n').find((one) => one.startsWith(`user ${user} `));
    return (
      line
        ?.split(' ')
        .slice(2)
        .filter((word) => word !== 'on' && !word.startsWith('#')) ?? []
    );
  };

  test.for(['auth', 'validator'] as const)('%s may do what the session library says', async (user) => {
    const rules = await rulesOf(user);
    expect(rules.toSorted()).toEqual([...redisUserRules[user]].toSorted());
    // A rule holds from where it stands.
    expect(rules.indexOf('-@all')).toBeLessThan(rules.findIndex((rule) => rule.startsWith('+')));
  });

  test.for(['replica', 'exporter'] as const)('%s may do what it may on one machine', async (user) => {
    expect((await rulesOf(user)).toSorted()).toEqual([...redisRules[user]].toSorted());
  });

  test('sentinel and probe see no data and no configuration', async () => {
    for (const user of ['sentinel', 'probe']) {
      const rules = await rulesOf(user);
      expect(rules).toContain('-@all');
      expect(rules.filter((rule) => /^[~%]|allkeys|^\+@|^\+config$|\|get$|^\+(acl|eval|keys|scan)/.test(rule))).toEqual(
        [],
      );
    }
  });

  test('default is off, and may still replay an append-only file', async () => {
    expect(await rulesOf('default')).toEqual(['off', '~*', '&*', '+@all']);
  });

  test('each has the passwords of this generation and its neighbours, as hashes', async () => {
    const manifests = await renderChart(chart, { values: { users: { auth: { generation: 5 } } } });
    const password: string = named(manifests, 'Secret', 'try-redis-sentinel-auth')['stringData'].password;
    const acl: string = named(manifests, 'Secret', 'try-redis-sentinel-acl')['stringData']['redis.acl'];
    const hashes = /user auth on (.*?) resetchannels/.exec(acl)?.[1]?.split(' ');
    expect(hashes).toHaveLength(3);
    expect(hashes).toContain(`#${hash('sha256', password)}`);
    expect(acl).not.toContain(password);
  });

  test('Sentinel’s user without a password can only ask', async () => {
    const acl: string = named(await renderChart(chart), 'Secret', 'try-redis-sentinel-acl')['stringData'][
      'sentinel.acl'
    ];
    const [first = ''] = acl.split('\n');
    expect(first).toMatch(/^user default on nopass .*-@all/);
    expect(first).not.toMatch(
      /\+@|\+sentinel( |$)|\+sentinel\|(set|reset|failover|monitor|remove|config)|\+acl|\+config|\+shutdown/,
    );
  });
});

describe('NetworkPolicies', () => {
  test('every pod of the set is denied both ways, but for what is named', async () => {
    const policies = (await renderChart(chart)).filter(({ kind }) => kind === 'NetworkPolicy');
    const deny = named(policies, 'NetworkPolicy', 'try-redis-sentinel-default-deny')['spec'];
    expect(deny.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(deny.ingress).toBeUndefined();
    expect(deny.egress).toBeUndefined();
    const rules = policies.flatMap(({ spec }) => [...(spec.ingress ?? []), ...(spec.egress ?? [])]);
    for (const rule of rules) {
      expect([6379, 6380, 26379]).toContain(rule.ports[0].port);
      // A rule without peers would let everyone in.
      expect((rule.from ?? rule.to).every((peer: { podSelector?: object }) => peer.podSelector !== undefined)).toBe(
        true,
      );
    }
  });
});

test('Redis bounds what clients may hold of its memory as the local platform and the tests do', async () => {
  const config = (await renderChart(chart)).find((each) => each.kind === 'ConfigMap' && each['data']?.['redis.conf']);
  const bounds = (text: string) => text.split('\n').filter((line) => /^(client-|proto-|maxmemory-clients)/.test(line));
  const local = createRedisConfig({ host: '127.0.0.1', port: 6379, folder: '/data', aclFile: '/users.acl' });
  expect(bounds(local)).toHaveLength(4);
  expect(bounds(config?.['data']['redis.conf'])).toEqual(bounds(local));
});

test('shellcheck has nothing to say about the scripts', async () => {
  const files = join(chart, 'files');
  const scripts = (await readdir(files)).filter((name) => name.endsWith('.sh')).map((name) => join(files, name));
  expect(scripts.length).toBeGreaterThan(4);
  await checkShell(...scripts);
});

function named(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind}/${name}`);
  return found;
}

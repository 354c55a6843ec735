import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { toolPath } from '../../../k8s/cluster/binaries.ts';
import { runCommand } from '../../../k8s/cluster/run-command.ts';
import { checkManifests } from '../../support/charts/check-manifests.ts';
import { findExposedSecrets } from '../../support/charts/find-exposed-secrets.ts';
import { findPodWeaknesses } from '../../support/charts/find-pod-weaknesses.ts';
import { podSpecs } from '../../support/charts/pod-specs.ts';
import { lintChart, type Manifest, renderChart } from '../../support/charts/render-chart.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const chart = join(root, 'charts', 'holdfast');
const environment = (name: string) => join(root, 'k8s', 'environments', `${name}.yaml`);
const dev = environment('dev');
const environments = ['dev', 'staging', 'prod'];

beforeAll(async () => {
  await runCommand(await toolPath('helm'), ['dependency', 'build', chart]);
}, 600_000);

/** All of them, to try what is off by default too. */
const everything = [
  ...[
    'ingress.enabled=true',
    'ingress.host=shop.example',
    'httpRoute.enabled=true',
    'httpRoute.parentRefs[0].name=gateway',
  ],
  'trustedProxies=1',
  ...['podMonitor.enabled=true', 'service.autoscaling.enabled=true', 'otlpEndpoint=http://otel:4318'],
];

describe.each(environments)('the values of %s', (name) => {
  test('pass helm lint --strict, and the schemas of the cluster’s Kubernetes', async () => {
    await lintChart(chart, { values: [environment(name)] });
    expect(await checkManifests(chart, { values: [environment(name)] })).toBeGreaterThan(25);
    expect(await checkManifests(chart, { values: [environment(name)], set: everything })).toBeGreaterThan(25);
  }, 300_000);

  test('make pods that are restricted, limited and hold no API token, and show no secret', async () => {
    const manifests = await renderChart(chart, { values: [environment(name)] });
    expect(findPodWeaknesses(manifests)).toEqual([]);
    expect(findExposedSecrets(manifests)).toEqual([]);
  });
});

test('no environment has a secret in it: staging and prod name Secrets that must be there', async () => {
  for (const name of ['staging', 'prod']) {
    const manifests = await renderChart(chart, { values: [environment(name)] });
    const made = manifests.filter(({ kind, metadata }) => kind === 'Secret' && /users|database/.test(metadata.name));
    expect(made).toEqual([]);
  }
});

const oidcIssuer = 'oidc.issuer=https://id.example';
const oidcClient = ['oidc.clientId=holdfast', 'oidc.redirectUri=https://shop.example/auth/oidc/callback'];

describe('values that can’t work are refused with their remedy', () => {
  const external = ['redis-sentinel.enabled=false', 'externalRedis.egress[0].ports[0].port=6379'];
  const secrets = ['externalRedis.auth.existingSecret=a', 'externalRedis.validator.existingSecret=v'];
  test.each<[string, string[], RegExp]>([
    ['no Redis', ['redis-sentinel.enabled=false'], /set externalRedis\.url, or externalRedis\.sentinels/],
    [
      'two ways to Redis',
      [...external, 'externalRedis.url=redis://a:1', 'externalRedis.sentinels[0]=b:2'],
      /keep url for a single endpoint/,
    ],
    ['no master name', [...external, 'externalRedis.sentinels[0]=b:2'], /set the name Sentinel knows the primary by/],
    ['no password', [...external, 'externalRedis.url=redis://a:1'], /externalRedis\.auth\.existingSecret is missing/],
    [
      'replicas of a single endpoint',
      [...external, ...secrets, 'externalRedis.url=redis://a:1', 'session.waitReplicas=1'],
      /set session\.waitReplicas to 0/,
    ],
    [
      'no way out to Redis',
      ['redis-sentinel.enabled=false', ...secrets, 'externalRedis.url=redis://a:1'],
      /externalRedis\.egress is empty: say where/,
    ],
    [
      'IAM with a password',
      [...external, ...secrets, 'externalRedis.url=rediss://a:1', 'externalRedis.iam.enabled=true'],
      /externalRedis\.auth\.existingSecret and externalRedis\.iam\.enabled are both set/,
    ],
    [
      'IAM for no cache',
      [...external, 'externalRedis.url=rediss://a:1', 'externalRedis.iam.enabled=true'],
      /iam\.cache or iam\.region is not set/,
    ],
    [
      'IAM without TLS',
      [
        ...[...external, 'externalRedis.url=redis://a:1', 'externalRedis.iam.enabled=true'],
        ...['externalRedis.iam.cache=c', 'externalRedis.iam.region=eu-central-1'],
      ],
      /set externalRedis\.url to rediss:/,
    ],
    [
      'a password of Sentinels where there are none',
      [...external, ...secrets, 'externalRedis.url=redis://a:1', 'externalRedis.sentinelAuth.existingSecret=s'],
      /there are no Sentinels: leave it out/,
    ],
    [
      'a user of Sentinels without a password',
      [
        ...[...external, ...secrets, 'externalRedis.sentinels[0]=b:2', 'externalRedis.masterName=m'],
        'externalRedis.sentinelAuth.username=finder',
      ],
      /externalRedis\.sentinelAuth\.existingSecret is missing/,
    ],
    ['both kinds of Redis', ['externalRedis.url=redis://a:1'], /set redis-sentinel\.enabled to false/],
    ['more confirmations than replicas', ['session.waitReplicas=1'], /raise redis-sentinel\.redis\.replicas/],
    ['no users', ['users.demo.enabled=false'], /set users\.existingSecret to a Secret with the key users\.json/],
    ['demo users beside real ones', ['users.existingSecret=u'], /set users\.demo\.enabled to false/],
    ['no database', ['postgres.enabled=false'], /set database\.existingSecret to a Secret with the key url/],
    ['two databases', ['database.existingSecret=d'], /set postgres\.enabled to false/],
    [
      'no way out to the database',
      ['postgres.enabled=false', 'database.existingSecret=d'],
      /database\.egress\.to is empty: say where/,
    ],
    ['an Ingress without a host', ['ingress.enabled=true'], /set the host that browsers use/],
    [
      'an Ingress whose address everybody would have',
      ['ingress.enabled=true', 'ingress.host=shop.example'],
      /trustedProxies is empty, but requests come by a proxy: set it to/,
    ],
    ['a route without a Gateway', ['httpRoute.enabled=true', 'trustedProxies=1'], /name the Gateway/],
    ['single sign-on without a client', [oidcIssuer], /oidc\.clientId or oidc\.redirectUri is not/],
    ['single sign-on that can’t get out', [oidcIssuer, ...oidcClient], /oidc\.egress is empty: say where/],
    ['a claim that gives no roles', [oidcIssuer, ...oidcClient, 'oidc.rolesClaim=groups'], /oidc\.rolesMap is empty/],
    ['roles of no claim', [oidcIssuer, ...oidcClient, 'oidc.rolesMap.a=b'], /oidc\.rolesClaim is empty/],
    ['half a single sign-on', oidcClient, /oidc\.issuer is empty/],
    ['a provider without TLS', ['oidc.issuer=http://id.example'], /oidc\/issuer/],
    ['a callback somewhere else', ['oidc.redirectUri=https://shop.example/'], /oidc\/redirectUri/],
    ['an unknown value', ['replicaCount=3'], /replicaCount/],
    ['an unknown value of a service', ['auth.replicaCount=3'], /replicaCount/],
    ['a value of the wrong type', ['auth.replicas=many'], /replicas/],
    ['an unknown value of Redis', ['redis-sentinel.replicas=3'], /replicas/],
  ])('%s', async (_, set, message) => {
    await expect(renderChart(chart, { values: [dev], set })).rejects.toThrow(message);
  });
});

describe('an external Redis', () => {
  const render = (set: string[]) =>
    renderChart(chart, {
      values: [
        dev,
        {
          'redis-sentinel': { enabled: false },
          externalRedis: {
            auth: { existingSecret: 'redis-auth' },
            validator: { existingSecret: 'redis-validator', username: 'reader' },
            egress: [{ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 6380 }] }],
          },
        },
      ],
      set,
    });

  test('with a single endpoint and TLS', async () => {
    const manifests = await render([
      'externalRedis.url=rediss://redis.example:6380',
      'externalRedis.tls.caSecret=redis-ca',
    ]);
    expect(manifests.some(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name.includes('redis'))).toBe(
      false,
    );
    const orders = container(manifests, 'orders');
    expect(orders.env).toMatchObject({
      REDIS_URL: 'rediss://redis.example:6380',
      REDIS_USERNAME: 'reader',
      REDIS_CA_FILE: '/etc/holdfast/redis-ca/ca.crt',
    });
    expect(orders.secrets).toMatchObject({ redis: 'redis-validator', 'redis-ca': 'redis-ca' });
    const policy = manifests.find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.endsWith('-orders'),
    );
    expect(JSON.stringify(policy?.['spec'].egress)).toContain('192.0.2.0/24');
  });

  test('with a client certificate', async () => {
    const set = ['externalRedis.url=rediss://a:6380', 'externalRedis.clientCertificate.existingSecret=redis-client'];
    const auth = container(await render(set), 'auth');
    expect(auth.env).toMatchObject({
      REDIS_CERT_FILE: '/etc/holdfast/redis-client/tls.crt',
      REDIS_KEY_FILE: '/etc/holdfast/redis-client/tls.key',
    });
    expect(auth.secrets).toMatchObject({ 'redis-client': 'redis-client', redis: 'redis-auth' });
  });

  test('with a role of AWS in place of a password', async () => {
    const role = 'arn:aws:iam::111122223333:role/sessions';
    const manifests = await render([
      ...['externalRedis.url=rediss://a:6379', 'externalRedis.iam.enabled=true', 'externalRedis.iam.cache=sessions'],
      ...['externalRedis.iam.region=eu-central-1', 'externalRedis.auth.existingSecret='],
      ...['externalRedis.validator.existingSecret=', 'externalRedis.iam.service=elasticache-serverless'],
      `service.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=${role}`,
    ]);
    const orders = container(manifests, 'orders');
    expect(orders.env).toMatchObject({
      REDIS_AUTH: 'aws-iam',
      REDIS_AWS_CACHE: 'sessions',
      REDIS_AWS_SERVICE: 'elasticache-serverless',
      AWS_REGION: 'eu-central-1',
      REDIS_USERNAME: 'reader',
    });
    expect(orders.env).not.toHaveProperty('REDIS_PASSWORD_FILE');
    expect(orders.secrets).not.toHaveProperty('redis');
    const accounts = manifests.filter(
      ({ kind, metadata }) => kind === 'ServiceAccount' && /-(?:auth|orders)$/.test(metadata.name),
    );
    expect(accounts.map(({ metadata }) => metadata.annotations)).toEqual(
      Array(2).fill({ 'eks.amazonaws.com/role-arn': role }),
    );
  });

  test('with Sentinels that ask for a password of their own', async () => {
    const set = ['externalRedis.sentinels={a:26379}', 'externalRedis.masterName=main'];
    const auth = container(
      await render([
        ...set,
        'externalRedis.sentinelAuth.username=finder',
        'externalRedis.sentinelAuth.existingSecret=finder',
      ]),
      'auth',
    );
    expect(auth.env).toMatchObject({
      REDIS_SENTINEL_USERNAME: 'finder',
      REDIS_SENTINEL_PASSWORD_FILE: '/etc/holdfast/redis-sentinel/password',
    });
    expect(auth.secrets).toMatchObject({ 'redis-sentinel': 'finder' });
  });

  test('with Sentinels', async () => {
    const manifests = await render(['externalRedis.sentinels={a:26379,b:26379}', 'externalRedis.masterName=main']);
    expect(container(manifests, 'auth').env).toMatchObject({
      REDIS_SENTINELS: 'a:26379,b:26379',
      REDIS_MASTER_NAME: 'main',
      REDIS_USERNAME: 'auth',
    });
  });
});

test('networks may send requests, and DNS may be at an address of the node', async () => {
  const set = ['networkPolicy.ingressCidrs={10.20.0.0/20,2001:db8::/64}', 'networkPolicy.dnsCidrs={169.254.20.10/32}'];
  const manifests = await renderChart(chart, { values: [dev], set });
  for (const service of ['auth', 'orders']) {
    const { spec } = manifests.find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.endsWith(`-${service}`),
    ) as Manifest;
    expect(spec.ingress[0].from).toEqual(
      expect.arrayContaining([{ ipBlock: { cidr: '10.20.0.0/20' } }, { ipBlock: { cidr: '2001:db8::/64' } }]),
    );
    expect(spec.egress[0].to).toContainEqual({ ipBlock: { cidr: '169.254.20.10/32' } });
  }
  await expect(renderChart(chart, { values: [dev], set: ['networkPolicy.ingressCidrs={10.20.0.0}'] })).rejects.toThrow(
    /ingressCidrs/,
  );
});

test('an authority of PostgreSQL is trusted by orders, and only by orders', async () => {
  const manifests = await renderChart(chart, { values: [environment('prod')], set: ['database.caSecret=postgres-ca'] });
  const orders = container(manifests, 'orders');
  expect(orders.env).toMatchObject({ NODE_EXTRA_CA_CERTS: '/etc/holdfast/database-ca/ca.crt' });
  expect(orders.secrets).toMatchObject({ 'database-ca': 'postgres-ca' });
  expect(container(manifests, 'auth').env).not.toHaveProperty('NODE_EXTRA_CA_CERTS');
});

test('only prod tells browsers to come by HTTPS for good, for its own host alone unless somebody asks for more', async () => {
  const name = 'STRICT_TRANSPORT_SECURITY';
  const [dev, staging, prod] = await Promise.all(
    environments.map((each) => renderChart(chart, { values: [environment(each)] })),
  );
  for (const service of ['auth', 'orders']) {
    expect(container(prod ?? [], service).env[name]).toBe('max-age=31536000');
    for (const other of [dev, staging]) expect(container(other ?? [], service).env).not.toHaveProperty(name);
  }
  const values = [environment('prod')];
  const set = ['strictTransportSecurity=max-age=63072000; includeSubDomains; preload'];
  expect(container(await renderChart(chart, { values, set }), 'auth').env[name]).toBe(
    set[0]?.split('=').slice(1).join('='),
  );
  await expect(renderChart(chart, { values, set: ['strictTransportSecurity=yes'] })).rejects.toThrow(
    /strictTransportSecurity/,
  );
});

test('sessions are limited in prod, and a profile is not undercut by a timeout that nobody set', async () => {
  const prod = await renderChart(chart, { values: [environment('prod')] });
  expect(container(prod, 'auth').env).toMatchObject({ SESSION_MAX_PER_USER: '20', SESSION_ROTATE_MS: '900000' });
  const withProfile = await renderChart(chart, { values: [dev], set: ['session.profile=aal3', 'session.rotateMs=0'] });
  const { env } = container(withProfile, 'auth');
  expect(env).toMatchObject({ SESSION_PROFILE: 'aal3', SESSION_MAX_PER_USER: '100', SESSION_ROTATE_MS: '0' });
  expect(env).not.toHaveProperty('SESSION_IDLE_TIMEOUT_MS');
  expect(env).not.toHaveProperty('SESSION_ABSOLUTE_TIMEOUT_MS');
});

test('who may introspect tokens comes from a Secret, and nobody may without it', async () => {
  const manifests = await renderChart(chart, { values: [dev], set: ['introspection.existingSecret=clients'] });
  const auth = container(manifests, 'auth');
  expect(auth.env).toMatchObject({ INTROSPECTION_CLIENTS_FILE: '/etc/holdfast/introspection/clients.json' });
  expect(auth.secrets).toMatchObject({ introspection: 'clients' });
  const without = container(await renderChart(chart, { values: [dev] }), 'auth');
  expect(without.env).not.toHaveProperty('INTROSPECTION_CLIENTS_FILE');
});

test('a volume of one’s own, such as one with the places of addresses, is auth’s alone and valid', async () => {
  const volume = { name: 'places', persistentVolumeClaim: { claimName: 'places', readOnly: true } };
  const mount = { name: 'places', mountPath: '/places', readOnly: true };
  const places = {
    extraVolumes: [volume],
    extraVolumeMounts: [mount],
    extraEnv: [{ name: 'PLACES_FILE', value: '/places/city.mmdb' }],
  };
  const values = [dev, { auth: places }];
  const pods = Object.fromEntries(podSpecs(await renderChart(chart, { values })));
  const { volumes, containers } = pods['Deployment/try-holdfast-auth'] ?? { containers: [] };
  expect(volumes).toContainEqual(volume);
  expect(containers[0]).toMatchObject({ volumeMounts: expect.arrayContaining([mount]) });
  expect(containers[0]?.env).toContainEqual(places.extraEnv[0]);
  expect(JSON.stringify(pods['Deployment/try-holdfast-orders'])).not.toContain('places');
  expect(await checkManifests(chart, { values })).toBeGreaterThan(25);
});

describe('single sign-on', () => {
  const egress = [{ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 443 }] }];
  // As directories name groups, and with what templates like to escape.
  const rolesMap = { 'idp admins': 'admin', 'cn=R&D <1>,ou=Groups,dc=example': 'clerk' };
  const render = () =>
    renderChart(chart, {
      values: [dev, { oidc: { existingSecret: 'oidc-client', rolesMap, egress } }],
      set: [oidcIssuer, ...oidcClient, 'oidc.rolesClaim=groups', 'oidc.defaultRoles={customer}'],
    });

  test('is auth’s alone: its settings, its secret by reference, and its way out', async () => {
    const manifests = await render();
    const { env, secrets } = container(manifests, 'auth');
    expect(env).toMatchObject({
      OIDC_ISSUER: 'https://id.example',
      OIDC_CLIENT_ID: 'holdfast',
      OIDC_CLIENT_SECRET_FILE: '/etc/holdfast/oidc/client-secret',
      OIDC_REDIRECT_URI: 'https://shop.example/auth/oidc/callback',
      OIDC_SCOPES: 'openid',
      OIDC_ROLES_CLAIM: 'groups',
      OIDC_DEFAULT_ROLES: 'customer',
    });
    expect(JSON.parse(env['OIDC_ROLES_MAP'] ?? '')).toEqual(rolesMap);
    expect(secrets['oidc']).toBe('oidc-client');
    expect(JSON.stringify(container(manifests, 'orders'))).not.toMatch(/oidc/i);
    const wayOut = (name: string) =>
      JSON.stringify(
        manifests.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.endsWith(`-${name}`))?.['spec']
          .egress,
      );
    expect(wayOut('auth')).toContain('192.0.2.0/24');
    expect(wayOut('orders')).not.toContain('192.0.2.0/24');
    expect(
      await checkManifests(chart, { values: [dev, { oidc: { egress } }], set: [oidcIssuer, ...oidcClient] }),
    ).toBeGreaterThan(25);
  });

  test('is off unless it is asked for', async () => {
    expect(JSON.stringify(container(await renderChart(chart, { values: [dev] }), 'auth'))).not.toMatch(/oidc/i);
  });
});

test('auth and orders differ only where they must: in what a service is made of there is no second copy', async () => {
  const manifests = await renderChart(chart, { values: [dev] });
  const kindsOf = (name: string) =>
    manifests
      .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === name)
      .map(({ kind }) => kind);
  const shared = ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount'];
  for (const name of ['auth', 'orders']) expect(kindsOf(name)).toEqual(expect.arrayContaining(shared));
});

test('one host serves both, pages and API: orders by its paths, auth everything else, and no sticky sessions', async () => {
  const manifests = await renderChart(chart, { values: [dev], set: everything });
  const specOf = (wanted: string) => manifests.find(({ kind }) => kind === wanted)?.['spec'];
  const paths = specOf('Ingress').rules[0].http.paths as { path: string; backend: { service: { name: string } } }[];
  const rules = specOf('HTTPRoute').rules as {
    matches: [{ path: { value: string } }];
    backendRefs: [{ name: string }];
  }[];
  const routed = [
    paths.map(({ path, backend }) => [path, backend.service.name]),
    rules.map(({ matches: [{ path }], backendRefs: [{ name }] }) => [path.value, name]),
  ];
  for (const entries of routed) {
    expect(Object.fromEntries(entries)).toEqual({
      '/': 'try-holdfast-auth',
      '/orders': 'try-holdfast-orders',
      '/v1/orders': 'try-holdfast-orders',
    });
  }
  for (const service of manifests.filter(({ kind }) => kind === 'Service')) {
    expect(service['spec'].sessionAffinity).toBeUndefined();
  }
});

/** Environment and mounted Secrets of a service's container. */
function container(manifests: Manifest[], name: string) {
  const deployment = manifests.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith(`-${name}`),
  );
  const spec = deployment?.['spec'].template.spec;
  const env = spec.containers[0].env as { name: string; value?: string }[];
  const volumes = spec.volumes as { name: string; secret?: { secretName: string } }[];
  return {
    env: Object.fromEntries(env.map((variable) => [variable.name, variable.value])),
    secrets: Object.fromEntries(volumes.map((volume) => [volume.name, volume.secret?.secretName])),
  };
}

test('where the platform chooses users and groups, as OpenShift does, no pod names one', async () => {
  const values = { runAsUser: null, postgres: { runAsUser: null }, 'redis-sentinel': { runAsUser: null } };
  const manifests = await renderChart(chart, { values: [dev, values] });
  const pods = manifests.flatMap(({ kind, spec }) =>
    kind === 'Pod' ? [spec] : kind === 'Deployment' || kind === 'StatefulSet' ? [spec.template.spec] : [],
  );
  expect(pods.length).toBeGreaterThan(4);
  for (const pod of pods) {
    expect(JSON.stringify(pod)).not.toMatch(/runAsUser|runAsGroup|fsGroup"/);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  }
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { HoldfastRelease, type WorkloadReport } from './holdfast-release.ts';

const reason = await missingCluster();

/** Two of each service and the whole Redis, with users and a database of its own. */
const replicated = [
  ...['service.replicas=2', 'session.waitReplicas=1', 'service.drainDelayMs=5000'],
  ...['redis-sentinel.redis.replicas=3', 'redis-sentinel.redis.minReplicasToWrite=1'],
  ...['redis-sentinel.sentinel.replicas=3', 'redis-sentinel.sentinel.quorum=2'],
];

describe.skipIf(reason !== undefined)(
  `the whole of Holdfast${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('whole', 'dev');
    let readyMs: number;

    beforeAll(async () => {
      readyMs = await release.install(...replicated);
    }, 480_000);
    afterAll(() => release[Symbol.asyncDispose]());

    const expectNothingFailed = (what: string, report: WorkloadReport) => {
      const { requests, longestGapMs, kept, ended, servedBy } = report;
      const pods = Object.keys(servedBy).length;
      console.log(
        `${what}: ${requests} requests to ${pods} pods, longest gap ${longestGapMs} ms, ${kept} sessions kept, ${ended} ended`,
      );
      expect(report.failures).toEqual({});
    expect(report).toMatchObject({ lost: 0, cameBack: 0, falseUnauthorized: 0 });
      expect(requests).toBeGreaterThan(100);
    };

    test('is ready within 90 s, and passes its own tests, from login to logout', async () => {
      console.log(`ready after ${readyMs} ms`);
      expect(readyMs).toBeLessThan(90_000);
      expect(await release.helm('test', release.name, '--logs', '--timeout=180s')).toMatch(/^ok$/m);
    }, 240_000);

    test('no request fails while all pods are restarted, the release is upgraded and the services are scaled', async () => {
      const stop = await release.startWorkload('rollouts');
      await release.install('exposeInstance=true', 'service.logLevel=warn');
      for (const service of ['auth', 'orders'] as const) {
        await release.kubectl('rollout', 'restart', `deployment/${release.name}-holdfast-${service}`);
        await release.untilRolledOut(service);
      }
      for (const replicas of [5, 1, 2]) {
        await Promise.all([release.scale('auth', replicas), release.scale('orders', replicas)]);
      }
      expectNothingFailed('upgrade, restart, 2 → 5 → 1 → 2', await stop());
    }, 600_000);

    test('no session is lost and none comes back when the primary’s pod is deleted', async () => {
      const stop = await release.startWorkload('primary');
      const before = await release.primaryPod();
      await release.kubectl('delete', 'pod', before);
      await pollUntil('another primary', 60_000, async () => (await release.primaryPod()) !== before, 500);
      await release.kubectl('rollout', 'status', `statefulset/${release.name}-redis-sentinel-redis`, '--timeout=180s');
      const report = await stop();
      console.log(
        `primary deleted: ${report.requests} requests, failures ${JSON.stringify(report.failures)}, longest gap ${report.longestGapMs} ms`,
      );
      expect(report).toMatchObject({ lost: 0, cameBack: 0, falseUnauthorized: 0 });
      for (const failure of Object.keys(report.failures)) expect(failure).toMatch(/: 503$/);
    }, 420_000);

    test('no request fails while the passwords of Redis’ users and the keys of JWTs are rotated', async () => {
      const keyIds = async () =>
        JSON.parse(
          await release.tryInPod(
            await podOf('orders'),
            ...[
              'node',
              '-e',
              `fetch('http://${release.name}-holdfast-auth/.well-known/jwks.json').then(async (r) => console.log(await r.text()))`,
            ],
          ),
        ).keys.map(({ kid }: { kid: string }) => kid) as string[];
      const [current, next] = await keyIds();
      const stop = await release.startWorkload('rotation');
      const users = ['auth', 'validator'].map((user) => `redis-sentinel.users.${user}.generation=2`);
      await release.install(...users, 'jwt.generation=2');
      // The kubelet brings the change to each pod in its own time, a minute or so.
      const rotated = await pollUntil(
        'the next key to be the current one',
        240_000,
        async () => {
          const ids = await keyIds();
          return ids[0] === next && ids;
        },
        2000,
      );
      expect(rotated).not.toContain(current);
      expectNothingFailed('rotation', await stop());
    }, 600_000);

    test('orders reaches what it needs and nothing else, and only labelled pods reach auth', async () => {
      const orders = await podOf('orders');
      const tcp = (host: string, port: number) => [
        ...['node', '-e'],
        `const s=require('net').connect({host:'${host}',port:${port},timeout:3000},()=>{console.log('open');process.exit()});s.on('timeout',()=>{console.log('shut');process.exit()});s.on('error',()=>{console.log('shut');process.exit()})`,
      ];
      const api = await release.kubectl(
        'get',
        'service',
        'kubernetes',
        '-n',
        'default',
        '-o',
        'jsonpath={.spec.clusterIP}',
      );
      expect(
        (await release.tryInPod(orders, ...tcp(`${release.name}-holdfast-postgres`, 5432))).trim(),
        'control',
      ).toBe('open');
      expect((await release.tryInPod(orders, ...tcp(api, 443))).trim(), 'the API server').toBe('shut');
      expect((await release.tryInPod(orders, ...tcp('203.0.113.1', 443))).trim(), 'the internet').toBe('shut');

      for (const [name, labels, expected] of [
        ['labelled', { 'holdfast.dev/http-client': 'true' }, 'open'],
        ['stranger', {}, 'shut'],
      ] as const) {
        const image = await release.kubectl('get', 'pod', orders, '-o', 'jsonpath={.spec.containers[0].image}');
        const spec = {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'node', image, command: ['node', '-e', 'setInterval(() => {}, 1e9)'] }],
        };
        await release.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec });
        await release.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
        const reached = async () => (await release.tryInPod(name, ...tcp(`${release.name}-holdfast-auth`, 80))).trim();
        // The policy of a new pod takes a moment; a stranger must stay shut out all that time.
        if (expected === 'open')
          await pollUntil('a labelled pod to reach auth', 30_000, async () => (await reached()) === 'open', 500);
        else for (let attempt = 0; attempt < 3; attempt++) expect(await reached()).toBe('shut');
      }
    }, 240_000);

    test('uninstalling leaves only volumes, and a reinstall on them finds the sessions again', async () => {
      const token = (await flow('login')).token as string;
      await release.helm('uninstall', release.name, '--wait', '--timeout', '3m');
      const kinds = 'all,configmap,secret,serviceaccount,networkpolicy,poddisruptionbudget,horizontalpodautoscaler,pvc';
      const left = await release.kubectl(
        'get',
        kinds,
        '-o',
        'name',
        '-l',
        `app.kubernetes.io/instance=${release.name}`,
      );
      for (const object of left.trim().split('\n')) expect(object).toMatch(/^persistentvolumeclaim\//);
      await release.install();
      expect(await flow('whoami', token)).toMatchObject({ status: 200 });
    }, 600_000);

    async function podOf(service: 'auth' | 'orders'): Promise<string> {
      const selector = `app.kubernetes.io/name=holdfast,app.kubernetes.io/component=${service}`;
      const names = await release.kubectl(
        ...['get', 'pods', '-l', selector, '--field-selector=status.phase=Running'],
        ...['-o', 'jsonpath={range .items[?(!@.metadata.deletionTimestamp)]}{.metadata.name}{"\\n"}{end}'],
      );
      return names.trim().split('\n')[0] ?? '';
    }

    /** One request, made in a pod of orders, which may reach auth. */
    async function flow(what: 'login' | 'whoami', token = ''): Promise<{ status: number; token?: string }> {
      const auth = `http://${release.name}-holdfast-auth`;
      const password = Buffer.from(
        await release.kubectl('get', 'secret', `${release.name}-holdfast-demo-users`, '-o', 'jsonpath={.data.alice}'),
        'base64',
      ).toString();
      const body = JSON.stringify({ username: 'alice', password, transport: 'bearer' });
      const call =
        what === 'login'
          ? `fetch('${auth}/v1/sessions',{method:'POST',headers:{'content-type':'application/json'},body:${JSON.stringify(body)}})`
          : `fetch('${auth}/v1/session',{headers:{authorization:'Bearer ${token}'}})`;
      const script = `${call}.then(async (r) => console.log(JSON.stringify({ ...(await r.json()), status: r.status })))`;
      return JSON.parse(await release.kubectl('exec', await podOf('orders'), '--', 'node', '-e', script));
    }
  },
);

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster, Release } from './cluster-release.ts';
import { clientLabels } from './ledger-pod.ts';

const reason = await missingCluster();

describe.skipIf(reason !== undefined)(`who reaches Redis${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  const release = new Release('access');
  const elsewhere = new Release('elsewhere');

  beforeAll(async () => {
    await release.install('metrics.enabled=true');
    await elsewhere.kubectl('create', 'namespace', elsewhere.namespace);
    await Promise.all([
      release.apply(pod('client', clientLabels)),
      release.apply(pod('stranger', {})),
      elsewhere.apply(pod('client', clientLabels)),
    ]);
    for (const [where, name] of [
      [release, 'client'],
      [release, 'stranger'],
      [elsewhere, 'client'],
    ] as const)
      await where.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  }, 300_000);
  afterAll(async () => {
    await release[Symbol.asyncDispose]();
    await elsewhere[Symbol.asyncDispose]();
  });

  const targets = [
    ...[0, 1, 2].map((number) => `redis-${number} 6379`),
    ...[0, 1, 2].map((number) => `sentinel-${number} 26379`),
  ];

  /** What the server at the target answers to PING: NOAUTH is an answer as well. */
  async function answer(where: Release, from: string, target: string): Promise<string> {
    const [host, port] = target.split(' ');
    const name = `${release.fullName}-${host}.${release.namespace}.svc`;
    const script = `getent hosts ${name} >/dev/null || { echo no address; exit; }; timeout 2 redis-cli -h ${name} -p ${port} ping 2>/dev/null || echo silence`;
    return (await where.kubectl('exec', from, '--', 'sh', '-c', script)).trim();
  }

  test('a pod with the labels, in the namespace: every server answers', async () => {
    for (const target of targets) {
      const expected = target.startsWith('redis') ? /^NOAUTH/ : /^PONG$/;
      await pollUntil(
        `an answer from ${target}`,
        20_000,
        async () => expected.test(await answer(release, 'client', target)),
        500,
      );
    }
  }, 120_000);

  test('a pod without the labels: none answers', async () => {
    for (const target of targets)
      expect(`${target}: ${await answer(release, 'stranger', target)}`).toBe(`${target}: silence`);
  }, 60_000);

  test('a pod with the labels in another namespace: none answers', async () => {
    for (const target of targets)
      expect(`${target}: ${await answer(elsewhere, 'client', target)}`).toBe(`${target}: silence`);
  }, 60_000);

  test('Redis and Sentinel reach nothing but each other', async () => {
    const apiServer = JSON.parse(await release.kubectl('get', 'service', 'kubernetes', '-n', 'default', '-o', 'json'));
    const address = apiServer.spec.clusterIP as string;
    const connect = (from: string, container: string, to: string, port: number) =>
      release.kubectl(
        'exec',
        from,
        ...(container ? ['-c', container] : []),
        '--',
        'bash',
        '-c',
        `timeout 2 bash -c '</dev/tcp/${to}/${port}' 2>/dev/null && echo open || echo shut`,
      );
    expect(await connect('stranger', '', address, 443)).toBe('open\n');
    for (const component of ['redis', 'sentinel'])
      expect(await connect(`${release.fullName}-${component}-0`, component, address, 443)).toBe('shut\n');
    const { address: primary } = (await release.namedPrimary()) ?? { address: '' };
    expect(await connect(`${release.fullName}-sentinel-0`, 'sentinel', primary, 6379)).toBe('open\n');
  }, 60_000);

  test('no two Sentinels miss the primary in the same moment: each would vote for itself', async () => {
    const waits = [0, 1, 2].map(async (number) => {
      const state = (await release.sentinel(number, 'SENTINEL', 'MASTERS')).split('\n');
      return Number(state[state.indexOf('down-after-milliseconds') + 1]);
    });
    expect(await Promise.all(waits)).toEqual([3700, 4000, 4300]);
  });

  test('helm test: the users may do what is promised, and no more', async () => {
    const output = await release.helm('test', release.name, '--logs', '--timeout=120s');
    expect(output).not.toMatch(/FAIL/);
    expect(output.match(/^ok /gm)?.length).toBeGreaterThanOrEqual(20);
  }, 150_000);

  test('no pod has a token, and none has Redis’ other users’ passwords in its environment', async () => {
    for (const component of ['redis', 'sentinel'] as const) {
      const [first] = await release.pods(component);
      const name = first?.metadata.name ?? '';
      const script =
        'ls /var/run/secrets/kubernetes.io 2>/dev/null; env | grep -i password; touch /x 2>/dev/null && echo writable; id -u';
      expect(await release.kubectl('exec', name, '-c', component, '--', 'sh', '-c', script)).toBe('999\n');
    }
  }, 60_000);
});

function pod(name: string, labels: Record<string, string>): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'shell', image: 'redis:8', command: ['sleep', 'infinity'] }],
    },
  };
}

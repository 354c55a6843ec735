import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { askInPod } from './ask-in-pod.ts';
import { expectNothingFailed } from './expect-nothing-failed.ts';
import { HoldfastRelease, replicated } from './holdfast-release.ts';
import { startClients } from './start-clients.ts';

const reason = await missingCluster();

describe.skipIf(reason !== undefined)(
  `what outlives a rotation and an uninstall${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('kept', 'dev');
    const auth = `http://${release.name}-holdfast-auth`;
    const users = { auth: 'auth', validator: 'orders' };

    beforeAll(async () => {
      await release.install(...replicated);
    }, 480_000);
    afterAll(() => release[Symbol.asyncDispose]());

    test('no request fails while the passwords of Redis’ users and the keys of JWTs are rotated', async () => {
      const podsBefore = await allPods();
      const [current, next] = await keyIds(await addressOf((await release.pods('auth'))[0] ?? ''));
      await using clients = await startClients(release);
      const generations = Object.keys(users).map((user) => `redis-sentinel.users.${user}.generation=2`);
      await release.install(...generations, 'jwt.generation=2');
      // The kubelet brings the change to each pod in its own time, a minute or so.
      for (const pod of await release.pods('auth')) {
        const address = await addressOf(pod);
        const keys = await pollUntil(`${pod} signing with the next key`, 240_000, async () => {
          const ids = await keyIds(address);
          return ids[0] === next && ids;
        });
        // A JWT of a moment ago is good, and the key after this one is known ahead.
        expect(keys).toContain(current);
        expect(new Set(keys).size).toBe(3);
      }
      for (const [user, component] of Object.entries(users)) {
        const password = await release.secret(`${release.name}-redis-sentinel-${user}`, 'password');
        for (const pod of await release.pods(component)) {
          const file = ['exec', pod, '--', 'cat', '/etc/holdfast/redis/password'];
          await pollUntil(
            `${pod} with the new password`,
            240_000,
            async () => (await release.kubectl(...file)) === password,
            1000,
          );
        }
      }
      expect(await allPods(), 'no pod was replaced for it').toEqual(podsBefore);
      // Every connection is made anew, with the new passwords.
      await release.kubectl('delete', 'pod', await release.primaryPod());
      await release.untilRolledOut(release.statefulSets);
      expectNothingFailed('rotation, and the primary’s end after it', await clients.stop());
    }, 600_000);

    test('uninstalling leaves only volumes, and a reinstall on them finds sessions and orders again', async () => {
      const credentials = { username: 'alice', password: await demoPassword(), transport: 'bearer' };
      const login = await askInPod(release, `${auth}/v1/sessions`, { method: 'POST', body: credentials });
      expect(login.status).toBe(201);
      const { token } = login.body as { token: string };
      const placed = await askInPod(release, 'http://127.0.0.1:8080/v1/orders', {
        method: 'POST',
        token,
        body: { sku: 'teapot', quantity: 1 },
        headers: { 'idempotency-key': randomUUID() },
      });
      expect(placed.status).toBe(201);

      await release.helm('uninstall', release.name, '--wait', '--timeout', '3m');
      const kinds = 'all,configmap,secret,serviceaccount,networkpolicy,poddisruptionbudget,horizontalpodautoscaler,pvc';
      const left = await pollUntil('the pods gone', 120_000, async () => {
        const names = (await release.kubectl('get', kinds, '-o', 'name')).trim().split('\n');
        const own = names.filter((name) => !/kube-root-ca\.crt$|^serviceaccount\/default$/.test(name));
        return own.every((name) => !name.startsWith('pod/')) && own;
      });
      expect(left.filter((name) => !name.startsWith('persistentvolumeclaim/'))).toEqual([]);
      expect(left.length).toBe(7);

      console.log(`reinstalled on the old volumes, ready after ${await release.install()} ms`);
      expect(await askInPod(release, `${auth}/v1/session`, { token })).toMatchObject({ status: 200 });
      const orderUrl = `http://127.0.0.1:8080/v1/orders/${placed.body.order.id}`;
      expect(await askInPod(release, orderUrl, { token })).toMatchObject({ status: 200, body: placed.body });
    }, 600_000);

    const demoPassword = () => release.secret(`${release.name}-holdfast-demo-users`, 'alice');
    const allPods = async () => {
      const components = ['auth', 'orders', 'redis', 'sentinel', 'postgres'];
      return (await Promise.all(components.map((component) => release.pods(component)))).flat().sort();
    };
    const addressOf = async (pod: string) =>
      `http://${await release.kubectl('get', 'pod', pod, '-o', 'jsonpath={.status.podIP}')}:8080`;

    /** Of the keys that auth publishes there, the one it signs with first. */
    async function keyIds(address: string): Promise<string[]> {
      const { body } = await askInPod(release, `${address}/.well-known/jwks.json`);
      return body.keys.map(({ kid }: { kid: string }) => kid);
    }
  },
);

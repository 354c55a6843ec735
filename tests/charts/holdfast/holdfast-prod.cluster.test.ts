import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../../services/auth/src/password-hash.ts';
import { connectCluster } from '../../support/cluster/connect-cluster.ts';
import { createNamespace, type TestNamespace } from '../../support/cluster/create-namespace.ts';
import { waitForPod } from '../../support/cluster/wait-for-pod.ts';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { createExternalPostgres } from './external-postgres.ts';
import { HoldfastRelease } from './holdfast-release.ts';

const reason = await missingCluster();

describe.skipIf(reason !== undefined)(
  `the prod environment${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('prod', 'prod');
    let database: TestNamespace;

    beforeAll(async () => {
      const cluster = connectCluster();
      database = await createNamespace(cluster, 'postgres');
      const { url, ca } = await createExternalPostgres(database);
      await waitForPod(cluster, { namespace: database.name, pod: 'postgres' });
      await release.kubectl('create', 'namespace', release.namespace);
      const [username, password] = ['carol', randomBytes(16).toString('hex')];
      const users = [{ id: 'u-carol', username, passwordHash: await hashPassword(password), roles: ['customer'] }];
      await release.apply(
        secret('holdfast-users', { 'users.json': JSON.stringify(users) }),
        secret('holdfast-jwt', { keys: newKey() + newKey() }),
        secret('holdfast-database', { url }),
        secret('postgres-ca', { 'ca.crt': ca }),
        secret('test-login', { username, password }),
      );
    }, 180_000);
    afterAll(async () => {
      for (const each of [release, database]) await each?.[Symbol.asyncDispose]();
    });

    test('is ready within 90 s: three of each in three zones, TLS to Redis and PostgreSQL, the login from a Secret', async () => {
      const namespaceOf = 'database.egress.to[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name';
      const readyMs = await release.install(
        `${namespaceOf}=${database.name}`,
        'database.caSecret=postgres-ca',
        'tests.existingSecret=test-login',
      );
      console.log(`prod ready after ${readyMs} ms`);
      expect(readyMs).toBeLessThan(90_000);
      for (const component of ['auth', 'orders', 'redis', 'sentinel']) {
        const selector = `app.kubernetes.io/component=${component}`;
        const nodes = await release.kubectl('get', 'pods', '-l', selector, '-o', 'jsonpath={.items[*].spec.nodeName}');
        expect(new Set(nodes.split(' ')).size, component).toBe(3);
      }
      expect(await release.helm('test', release.name, '--logs', '--timeout=180s')).toMatch(/^ok$/m);
    }, 600_000);
  },
);

function secret(name: string, stringData: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

const newKey = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

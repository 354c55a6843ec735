import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectCluster } from '../../support/cluster/connect-cluster.ts';
import { createNamespace, type TestNamespace } from '../../support/cluster/create-namespace.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { expectNothingFailed } from './expect-nothing-failed.ts';
import { findReachable } from './find-reachable.ts';
import { HoldfastRelease, replicated } from './holdfast-release.ts';
import { describeNetwork, strangerLabels, strangerPod } from './network-matrix.ts';
import { startClients } from './start-clients.ts';

const reason = await missingCluster();

describe.skipIf(reason !== undefined)(
  `the whole of Holdfast${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('whole', 'dev');
    let ingress: TestNamespace;
    let monitoring: TestNamespace;
    let readyMs: number;

    beforeAll(async () => {
      const cluster = connectCluster();
      [ingress, monitoring] = [await createNamespace(cluster, 'ingress'), await createNamespace(cluster, 'monitoring')];
      readyMs = await release.install(
        ...replicated,
        `networkPolicy.ingressNamespaces[0]=${ingress.name}`,
        `networkPolicy.monitoringNamespace=${monitoring.name}`,
      );
    }, 480_000);
    afterAll(async () => {
      for (const each of [release, ingress, monitoring]) await each?.[Symbol.asyncDispose]();
    });

    test('is ready within 90 s, and passes its own tests, from login to logout', async () => {
      console.log(`ready after ${readyMs} ms`);
      expect(readyMs).toBeLessThan(90_000);
      expect(await release.helm('test', release.name, '--logs', '--timeout=180s')).toMatch(/^ok$/m);
    }, 240_000);

    test('a service starts with what was compiled when its image was made', async () => {
      const file = '/app/services/session/src/session-store.ts';
      const program = `NODE_DEBUG_NATIVE=COMPILE_CACHE node -e "import('${file}')" 2>&1`;
      for (const component of ['auth', 'orders']) {
        const log = await release.kubectl('exec', await release.pod(component), '--', 'sh', '-c', program);
        for (const kind of ['StrippedTypeScript', 'ESM']) {
          expect(log, component).toMatch(new RegExp(`reading cache from .* for ${kind} file://${file}.*success`));
        }
      }
    });

    test('each pod connects to what it needs and to nothing else, and strangers to nothing of it', async () => {
      await ingress.apply(strangerPod({}));
      await monitoring.apply(strangerPod(strangerLabels));
      await release.apply(strangerPod({}), strangerPod({ 'holdfast.dev/http-client': 'true' }, 'client'));
      for (const namespace of [release.namespace, ingress.name, monitoring.name]) {
        await release.kubectl('-n', namespace, 'wait', 'pod/stranger', '--for=condition=Ready', '--timeout=60s');
      }
      await release.kubectl('wait', 'pod/client', '--for=condition=Ready', '--timeout=60s');
      const { targets, rows } = await describeNetwork(release, {
        ingress: ingress.name,
        monitoring: monitoring.name,
      });
      expect(new Set(rows.flatMap(({ reaches }) => reaches)), 'each is reached by someone').toEqual(
        new Set(Object.keys(targets)),
      );
      const forbidden: string[] = [];
      for (const { from, source, reaches, own } of rows) {
        // What a new pod may do is in force after a moment; what it may not is so from the beginning.
        await pollUntil(`${from} reaching ${reaches.join(', ')}`, 30_000, async () => {
          const reached = (await findReachable(release, source, targets)).filter((name) => name !== own);
          forbidden.push(...reached.filter((name) => !reaches.includes(name)).map((name) => `${from} reaches ${name}`));
          return forbidden.length > 0 || reached.length === reaches.length;
        });
      }
      expect(forbidden).toEqual([]);
    }, 240_000);

    test('no request fails when the primary’s pod is deleted', async () => {
      await using clients = await startClients(release);
      const before = await release.primaryPod();
      await release.kubectl('delete', 'pod', before);
      await pollUntil('another primary', 60_000, async () => (await release.primaryPod()) !== before, 500);
      await release.untilRolledOut(release.statefulSets);
      expectNothingFailed('primary deleted', await clients.stop());
    }, 420_000);
  },
);

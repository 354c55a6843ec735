import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitUntil } from '../../../k8s/cluster/wait-until.ts';
import { connectCluster } from '../../support/cluster/connect-cluster.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { authority, installCertManager } from './cert-manager.ts';
import { expectNothingFailed } from './expect-nothing-failed.ts';
import { HoldfastRelease, replicated } from './holdfast-release.ts';
import { startClients } from './start-clients.ts';

const reason = await missingCluster();
const issuer = 'shop-authority';
const certificate = 'hf-redis-sentinel-tls';

describe.skipIf(reason !== undefined)(
  `certificates of Redis from cert-manager${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('cert-manager', 'dev');
    let manager: AsyncDisposable | undefined;

    beforeAll(async () => {
      await release.kubectl('create', 'namespace', release.namespace);
      manager = await installCertManager(connectCluster(), release);
      // Its webhook runs before the API server has been told to trust it.
      await waitUntil('cert-manager to take an Issuer', 60_000, () =>
        release.apply(...authority(issuer)).then(() => true),
      );
      const tls = 'redis-sentinel.tls';
      await release.install(
        ...replicated,
        ...[`${tls}.enabled=true`, `${tls}.certManager.enabled=true`],
        ...[`${tls}.certManager.issuerRef.name=${issuer}`, `${tls}.certManager.issuerRef.kind=Issuer`],
      );
    }, 900_000);
    afterAll(async () => {
      await release[Symbol.asyncDispose]();
      await manager?.[Symbol.asyncDispose]();
    }, 180_000);

    test('every Redis and Sentinel serves the one that the issuer signed', async () => {
      const own = await fingerprint();
      expect(await served()).toEqual(Array.from({ length: 6 }, () => own));
    });

    test('what the webhook of cert-manager refuses is not what the chart asks for', async () => {
      const asked = JSON.parse(await release.kubectl('get', 'certificate', certificate, '-o', 'json'));
      const tooShort = { ...asked, metadata: { name: 'too-short' }, spec: { ...asked.spec, duration: '1m' } };
      await expect(release.apply(tooShort)).rejects.toThrow(/certificate duration must be greater/);
    });

    test('one that is renewed under load is served by all, and no request fails, nor does a pod restart', async () => {
      const [before, restartsBefore] = [await fingerprint(), await restarts()];
      await using clients = await startClients(release);
      await renew();
      const renewed = await pollUntil(
        'a renewed certificate',
        60_000,
        async () => {
          const now = await fingerprint();
          return now === before ? undefined : now;
        },
        1000,
      );
      // kubelet looks at Secrets about once a minute, and a pod of ours at its files every few seconds.
      await pollUntil(
        'the renewed certificate at every Redis and Sentinel',
        240_000,
        async () => (await served()).every((each) => each === renewed),
        2000,
      );
      expectNothingFailed('certificate renewed', await clients.stop());
      expect(await restarts()).toEqual(restartsBefore);
    }, 600_000);

    /** As `cmctl renew` asks for it. */
    async function renew(): Promise<void> {
      const { status } = JSON.parse(await release.kubectl('get', 'certificate', certificate, '-o', 'json'));
      const issuing = {
        type: 'Issuing',
        status: 'True',
        reason: 'ManuallyTriggered',
        message: 'Certificate re-issuance manually triggered',
        lastTransitionTime: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
      };
      const patch = JSON.stringify({ status: { conditions: [...status.conditions, issuing] } });
      await release.kubectl('patch', 'certificate', certificate, '--subresource=status', '--type=merge', '-p', patch);
    }

    /** Of the certificate in the Secret. */
    async function fingerprint(): Promise<string> {
      return new X509Certificate(await release.secret(certificate, 'tls\\.crt')).fingerprint256;
    }

    /** What each Redis and Sentinel shows to whoever connects now, who trusts the issuer alone. */
    async function served(): Promise<string[]> {
      const { items } = JSON.parse(await release.kubectl('get', 'services', '-o', 'json')) as {
        items: { metadata: { name: string }; spec: { clusterIP: string } }[];
      };
      const ports: Record<string, string> = { redis: '6379', sentinel: '26379' };
      const endpoints = items.flatMap(({ metadata, spec }) => {
        const port = ports[/-(redis|sentinel)-\d$/.exec(metadata.name)?.[1] ?? ''];
        return port === undefined ? [] : [`${spec.clusterIP}:${port}`];
      });
      const program = `
        const [ca, servername, ...endpoints] = process.argv.slice(1);
        for (const endpoint of endpoints) {
          const [host, port] = endpoint.split(":");
          const socket = require("tls").connect({ host, port, ca, servername }, () => {
            console.log(socket.getPeerCertificate().fingerprint256);
            socket.destroy();
          });
          // A Sentinel that starts anew with the certificate is away for a moment.
          socket.on("error", ({ code }) => console.log(code));
        }`;
      const name = `hf-redis-sentinel.${release.namespace}.svc`;
      const args = [await release.secret(certificate, 'ca\\.crt'), name, ...endpoints];
      const node = ['exec', await release.pod('auth'), '-c', 'auth', '--', 'node', '--eval', program, '--', ...args];
      return (await release.kubectl(...node)).trim().split('\n');
    }

    async function restarts(): Promise<string[]> {
      const pods = JSON.parse(await release.kubectl('get', 'pods', '-o', 'json')) as {
        items: {
          metadata: { name: string; uid: string };
          status: { containerStatuses?: { restartCount: number }[] };
        }[];
      };
      return pods.items
        .filter(({ metadata }) => metadata.name.startsWith('hf-'))
        .map(
          ({ metadata, status }) => `${metadata.name} ${metadata.uid} ${status.containerStatuses?.[0]?.restartCount}`,
        );
    }
  },
);

import { copyFile, cp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pollUntil } from '../../support/poll-until.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { endOf, isReady, type Release } from './cluster-release.ts';
import type { LedgerReport } from './redis-ledger.ts';

export const clientLabels = { 'holdfast.dev/redis-client': 'true' };

export interface RunningLedger {
  /** Ends the writing, and reads everything back. */
  stop(): Promise<LedgerReport>;
}

/** A pod that may reach Redis, by the contract alone: the ConfigMap and the Secret of its user. */
export async function createLedgerPod(release: Release, name = 'ledger'): Promise<{ start(): Promise<RunningLedger> }> {
  const tls =
    (await release.kubectl('get', 'configmap', `${release.fullName}-contract`, '-o', 'jsonpath={.data.tls}')) ===
    'true';
  await release.apply(ledgerManifest(release, name, tls));
  await pollUntil('the ledger pod ready', 60_000, async () => isReady(await release.pod(name)), 500);
  await copyProgram(release, name);
  return {
    start: async () => {
      const child = await release.exec(name, 'node', '/work/redis-ledger.ts');
      if (child.stdout === null || child.stdin === null) throw new Error('the ledger has no pipes');
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const { value } = await lines.next();
      if (value !== 'ready') throw new Error(`the ledger did not start: ${value}`);
      return {
        stop: async () => {
          child.stdin?.end();
          const report = (await lines.next()).value as string | undefined;
          await endOf(child);
          if (report === undefined) throw new Error('the ledger ended without a report: see its errors above');
          return JSON.parse(report) as LedgerReport;
        },
      };
    },
  };
}

export function describeReport(what: string, report: LedgerReport): string {
  const { confirmed, lost, writeGapMs, readGapMs, endGapMs, failures, logins, failedLogins } = report;
  return `${what}: ${confirmed} writes confirmed, ${lost.length} lost; longest gap ${writeGapMs} ms for writes, ${readGapMs} ms for reads; last write ${endGapMs} ms before the end; ${logins} logins; failures ${JSON.stringify(failures)}, of logins ${JSON.stringify(failedLogins)}`;
}

function ledgerManifest(release: Release, name: string, tls: boolean): object {
  const contract = (variable: string, key: string) => ({
    name: variable,
    valueFrom: { configMapKeyRef: { name: `${release.fullName}-contract`, key } },
  });
  const caSecret = { secret: { name: `${release.fullName}-tls`, items: [{ key: 'ca.crt', path: 'ca.crt' }] } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: clientLabels },
    spec: {
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
      containers: [
        {
          name: 'ledger',
          image: 'node:24-trixie-slim',
          command: ['sleep', 'infinity'],
          env: [
            contract('SENTINELS', 'sentinels'),
            contract('MASTER_NAME', 'master-name'),
            contract('TLS', 'tls'),
            ...(tls
              ? [contract('TLS_SERVER_NAME', 'tls-server-name'), { name: 'CA_FILE', value: '/secrets/ca.crt' }]
              : []),
            { name: 'PASSWORD_FILE', value: '/secrets/password' },
          ],
          volumeMounts: [
            { name: 'work', mountPath: '/work' },
            { name: 'secrets', mountPath: '/secrets' },
          ],
        },
      ],
      volumes: [
        { name: 'work', emptyDir: {} },
        {
          name: 'secrets',
          projected: { sources: [{ secret: { name: `${release.fullName}-auth` } }, ...(tls ? [caSecret] : [])] },
        },
      ],
    },
  };
}

/** ioredis and what it needs, as npm would lay it out, and the ledger beside it. */
async function copyProgram(release: Release, pod: string): Promise<void> {
  await using folder = await createTemporaryFolder('ledger');
  for (const [name, source] of closure('ioredis', createRequire(import.meta.url)))
    await cp(source, join(folder.path, 'node_modules', name), { recursive: true, dereference: true });
  await copyFile(join(import.meta.dirname, 'redis-ledger.ts'), join(folder.path, 'redis-ledger.ts'));
  await writeFile(join(folder.path, 'package.json'), '{"type":"module"}');
  await release.kubectl('cp', `${folder.path}/.`, `${release.namespace}/${pod}:/work`);
}

function closure(name: string, from: NodeJS.Require, found = new Map<string, string>()): Map<string, string> {
  if (found.has(name)) return found;
  const manifest = from.resolve(`${name}/package.json`);
  found.set(name, dirname(manifest));
  const require = createRequire(manifest);
  for (const dependency of Object.keys(require(manifest).dependencies ?? {})) closure(dependency, require, found);
  return found;
}

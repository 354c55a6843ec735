import { randomBytes } from 'node:crypto';
import type { TestNamespace } from '../../support/cluster/create-namespace.ts';
import { createCertificate } from '../../support/create-certificate.ts';

export interface ExternalPostgres {
  readonly url: string;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
}

/** A PostgreSQL that takes connections by TLS only, in a namespace of its own, as a prod environment has it. */
export async function createExternalPostgres(namespace: TestNamespace): Promise<ExternalPostgres> {
  const host = `postgres.${namespace.name}.svc`;
  const [password, { key, certificate }] = [randomBytes(16).toString('hex'), await createCertificate(host)];
  const name = 'postgres';
  const folders = { data: '/var/lib/postgresql/data', run: '/var/run/postgresql', tls: '/tls' };
  const settings = ['ssl=on', 'ssl_cert_file=/tls/tls.crt', 'ssl_key_file=/tls/tls.key'];
  const environment = {
    POSTGRES_USER: 'shop',
    POSTGRES_DB: 'shop',
    POSTGRES_PASSWORD: password,
    PGDATA: `${folders.data}/pgdata`,
  };
  const pod = {
    securityContext: { runAsNonRoot: true, runAsUser: 999, runAsGroup: 999, fsGroup: 999 },
    containers: [
      {
        name,
        image: 'postgres:17',
        args: settings.flatMap((setting) => ['-c', setting]),
        env: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
        readinessProbe: { exec: { command: ['pg_isready', '-q', '-h', '127.0.0.1'] }, periodSeconds: 1 },
        volumeMounts: Object.entries(folders).map(([volume, mountPath]) => ({ name: volume, mountPath })),
      },
    ],
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'run', emptyDir: {} },
      { name: 'tls', secret: { secretName: name, defaultMode: 0o440 } },
    ],
  };
  const objects = [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { 'tls.crt': certificate, 'tls.key': key } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { selector: { app: name }, ports: [{ port: 5432 }] },
    },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec: pod },
  ];
  await namespace.apply(...objects);
  return { url: `postgres://shop:${password}@${host}:5432/shop?sslmode=verify-full`, ca: certificate };
}

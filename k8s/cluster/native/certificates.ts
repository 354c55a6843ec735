import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDir } from '../paths.ts';
import { runCommand } from '../run-command.ts';
import { apiServiceIp, clusterDomain, hostIp, nodes } from './topology.ts';

const pkiDir = join(stateDir, 'pki');
// The machine's own openssl.cnf adds extensions that ours would contradict.
const opensslConfigPath = join(pkiDir, 'openssl.cnf');
const validityDays = '365';

export interface Certificate {
  readonly certPath: string;
  readonly keyPath: string;
}

interface CertificateSpec {
  readonly authority: AuthorityName;
  readonly subject: string;
  /** As openssl's subjectAltName takes it; a certificate with one may serve. */
  readonly altNames?: string;
}

const authorities = ['ca', 'etcd-ca', 'front-proxy-ca'] as const;
type AuthorityName = (typeof authorities)[number];

const nodeSpecs = Object.fromEntries(
  nodes.flatMap((node): [string, CertificateSpec][] => [
    [`kubelet-${node.name}`, { authority: 'ca', subject: `/O=system:nodes/CN=system:node:${node.name}` }],
    [
      `kubelet-server-${node.name}`,
      { authority: 'ca', subject: `/CN=${node.name}`, altNames: `DNS:${node.name},IP:${node.ip}` },
    ],
  ]),
);

const apiServerNames = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  `kubernetes.default.svc.${clusterDomain}`,
];

const specs: Record<string, CertificateSpec> = {
  'api-server': {
    authority: 'ca',
    subject: '/CN=kube-apiserver',
    altNames: [
      ...apiServerNames.map((name) => `DNS:${name}`),
      `IP:${hostIp}`,
      `IP:${apiServiceIp}`,
      'IP:127.0.0.1',
    ].join(','),
  },
  'api-server-kubelet-client': { authority: 'ca', subject: '/O=system:masters/CN=kube-apiserver-kubelet-client' },
  admin: { authority: 'ca', subject: '/O=system:masters/CN=holdfast-admin' },
  'controller-manager': { authority: 'ca', subject: '/CN=system:kube-controller-manager' },
  scheduler: { authority: 'ca', subject: '/CN=system:kube-scheduler' },
  'kube-proxy': { authority: 'ca', subject: '/CN=system:kube-proxy' },
  'kube-router': { authority: 'ca', subject: '/CN=holdfast:kube-router' },
  'volume-provisioner': { authority: 'ca', subject: '/CN=holdfast:volume-provisioner' },
  etcd: { authority: 'etcd-ca', subject: '/CN=etcd', altNames: 'IP:127.0.0.1' },
  'etcd-client': { authority: 'etcd-ca', subject: '/CN=kube-apiserver' },
  'front-proxy-client': { authority: 'front-proxy-ca', subject: '/CN=front-proxy-client' },
  ...nodeSpecs,
};

/** Makes what is missing; what is there stays, so a running cluster keeps its trust. */
export async function ensureCertificates(): Promise<void> {
  mkdirSync(pkiDir, { recursive: true, mode: 0o700 });
  writeFileSync(opensslConfigPath, '[req]\ndistinguished_name = dn\n[dn]\n');
  await Promise.all(authorities.map(makeAuthority));
  for (const [name, spec] of Object.entries(specs)) await sign(name, spec);
  const { keyPath } = certificate('service-accounts');
  if (!existsSync(keyPath)) await runCommand('openssl', ['genrsa', '-out', keyPath, '2048']);
}

export function certificate(name: string): Certificate {
  return { certPath: join(pkiDir, `${name}.crt`), keyPath: join(pkiDir, `${name}.key`) };
}

async function makeAuthority(name: AuthorityName): Promise<void> {
  const { certPath, keyPath } = certificate(name);
  if (existsSync(certPath)) return;
  await openssl(keyPath, certPath, [
    ...['-subj', `/CN=holdfast-${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature', '-addext', 'subjectKeyIdentifier=hash'],
  ]);
}

async function sign(name: string, { authority, subject, altNames }: CertificateSpec): Promise<void> {
  const { certPath, keyPath } = certificate(name);
  if (existsSync(certPath)) return;
  const issuer = certificate(authority);
  const usage = altNames === undefined ? 'clientAuth' : 'serverAuth,clientAuth';
  await openssl(keyPath, certPath, [
    ...['-CA', issuer.certPath, '-CAkey', issuer.keyPath, '-subj', subject],
    ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', `extendedKeyUsage=${usage}`],
    ...(altNames === undefined ? [] : ['-addext', `subjectAltName=${altNames}`]),
  ]);
}

/** The certificate is written last and whole, so that one which is there is complete. */
async function openssl(keyPath: string, certPath: string, rest: readonly string[]): Promise<void> {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const pem = await runCommand('openssl', [
    ...['req', '-config', opensslConfigPath, '-x509', ...curve, '-nodes', '-days', validityDays, '-keyout', keyPath],
    ...rest,
  ]);
  if (!pem.includes('BEGIN CERTIFICATE'))
    throw new Error(`openssl wrote no certificate for ${certPath}: it must be OpenSSL 3`);
  const partial = `${certPath}.new`;
  writeFileSync(partial, pem);
  renameSync(partial, certPath);
}

export function pemBase64(path: string): string {
  return readFileSync(path).toString('base64');
}

import { join } from 'node:path';
import { sourceFolder } from '../../../k8s/cluster/binaries.ts';
import { putProgram } from '../../../k8s/images/put-program.ts';
import type { Cluster } from '../../support/cluster/connect-cluster.ts';
import { createNamespace } from '../../support/cluster/create-namespace.ts';
import type { HoldfastRelease } from './holdfast-release.ts';

const module = 'github.com/cert-manager/cert-manager';
const tag = 'v1.21';
const components = ['controller', 'webhook', 'cainjector'] as const;
const nameOf = (component: (typeof components)[number]) => `cert-manager-${component}` as const;

/** cert-manager by its own chart, of the version it is built from, in a namespace of its own; its definitions go with it. */
export async function installCertManager(cluster: Cluster, release: HoldfastRelease): Promise<AsyncDisposable> {
  for (const component of components) await putProgram(`holdfast/${nameOf(component)}:${tag}`, nameOf(component));
  const own = await createNamespace(cluster, 'cert-manager', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  const inOwn = ['--namespace', own.name];
  const dispose = async () => {
    if (process.env['HOLDFAST_KEEP'] !== undefined) return;
    await release.helm('uninstall', 'cert-manager', ...inOwn, '--ignore-not-found', '--wait');
    await own[Symbol.asyncDispose]();
  };
  const run = (component: (typeof components)[number]) => ({
    image: { repository: `holdfast/${nameOf(component)}`, tag },
    // The official images say so themselves.
    securityContext: { runAsUser: 65532 },
  });
  const values = {
    // What is made outside of the namespace has its name too: nobody else's cert-manager is touched.
    fullnameOverride: own.name,
    crds: { enabled: true, keep: false },
    global: { leaderElection: { namespace: own.name } },
    prometheus: { enabled: false },
    startupapicheck: { enabled: false },
    ...run('controller'),
    webhook: run('webhook'),
    cainjector: run('cainjector'),
  };
  try {
    const chart = join(await sourceFolder('cert-manager-controller', module), 'deploy', 'charts', 'cert-manager');
    const set = Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`]);
    await release.helm('install', 'cert-manager', chart, ...inOwn, ...set, '--wait', '--timeout', '3m');
    return { [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** An authority of the cluster's own, `name`, that signs what is asked for in the release's namespace. */
export function authority(name: string) {
  const apiVersion = 'cert-manager.io/v1';
  return [
    { apiVersion, kind: 'Issuer', metadata: { name: `${name}-root` }, spec: { selfSigned: {} } },
    {
      apiVersion,
      kind: 'Certificate',
      metadata: { name },
      spec: {
        isCA: true,
        commonName: name,
        secretName: name,
        privateKey: { algorithm: 'ECDSA', size: 256 },
        issuerRef: { name: `${name}-root` },
      },
    },
    { apiVersion, kind: 'Issuer', metadata: { name }, spec: { ca: { secretName: name } } },
  ];
}

import { join } from 'node:path';
import { applyManifests } from '../../../k8s/cluster/apply-manifests.ts';
import { sourceFolder } from '../../../k8s/cluster/binaries.ts';
import { putProgram } from '../../../k8s/images/put-program.ts';
import type { Cluster } from '../../support/cluster/connect-cluster.ts';
import { createNamespace } from '../../support/cluster/create-namespace.ts';
import { waitForPod } from '../../support/cluster/wait-for-pod.ts';
import type { HoldfastRelease } from './holdfast-release.ts';

export interface IngressController extends AsyncDisposable {
  readonly namespace: string;
  /** Of its IngressClass and its GatewayClass. */
  readonly className: string;
  /** Where it takes HTTPS. */
  readonly address: string;
  readonly port: number;
}

const image = 'traefik:v3.6';
const port = 8443;

/** Traefik, restricted as our own pods are, in a namespace of its own; it serves Ingresses and Gateways of the release's. */
export async function startIngressController(cluster: Cluster, release: HoldfastRelease): Promise<IngressController> {
  await putProgram(image, 'traefik');
  const own = await createNamespace(cluster, 'traefik', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  // What belongs to no namespace has its name too, and goes with it.
  const { name } = own;
  const dispose = async () => {
    if (process.env['HOLDFAST_KEEP'] === '1') return;
    for (const kind of ['clusterrolebinding', 'clusterrole', 'ingressclass', 'gatewayclass'])
      await release.kubectl('delete', kind, name, '--ignore-not-found').catch(() => undefined);
    await own[Symbol.asyncDispose]();
  };
  try {
    await release.kubectl('apply', '--server-side', '--filename', await gatewayApi());
    const definitions = gatewayKinds.map((kind) => `crd/${kind}`);
    await release.kubectl('wait', '--for=condition=Established', '--timeout=60s', ...definitions);
    await applyManifests(cluster.config, permissions(name, release.namespace), 'holdfast-test');
    await own.apply(controllerPod(name, release.namespace));
    const { status } = await waitForPod(cluster, { namespace: name, pod: 'traefik' });
    return { namespace: name, className: name, address: status?.podIP ?? '', port, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Where one Gateway takes HTTPS, for the routes of its own namespace. */
export function makeGateway({ className }: IngressController, tlsSecret: string) {
  const tls = { mode: 'Terminate', certificateRefs: [{ name: tlsSecret }] };
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: 'Gateway',
    metadata: { name: 'gateway' },
    spec: { gatewayClassName: className, listeners: [{ name: 'https', protocol: 'HTTPS', port, tls }] },
  };
}

/** The definitions of the Gateway API that this Traefik knows; they stay in the cluster. */
async function gatewayApi(): Promise<string> {
  return join(await sourceFolder('traefik', 'sigs.k8s.io/gateway-api'), 'config', 'crd', 'standard');
}

const gatewayGroup = 'gateway.networking.k8s.io';
const gatewayResources = ['gateways', 'httproutes', 'grpcroutes', 'referencegrants', 'backendtlspolicies'];
const gatewayKinds = ['gatewayclasses', ...gatewayResources].map((resource) => `${resource}.${gatewayGroup}`);

/** What Traefik's documentation asks for, in the one namespace where that will do. */
function permissions(name: string, served: string) {
  const rbac = 'rbac.authorization.k8s.io';
  const read = (apiGroup: string, ...resources: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ['get', 'list', 'watch'],
  });
  const write = (apiGroup: string, ...resources: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ['update'],
  });
  const bind = (kind: string, metadata: object) => ({
    apiVersion: `${rbac}/v1`,
    kind: `${kind}Binding`,
    metadata,
    roleRef: { apiGroup: rbac, kind, name },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: name }],
  });
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name },
      spec: { controller: 'traefik.io/ingress-controller' },
    },
    {
      apiVersion: `${gatewayGroup}/v1`,
      kind: 'GatewayClass',
      metadata: { name },
      spec: { controllerName: 'traefik.io/gateway-controller' },
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        read('networking.k8s.io', 'ingressclasses'),
        read('', 'nodes', 'namespaces'),
        read(gatewayGroup, 'gatewayclasses'),
        write(gatewayGroup, 'gatewayclasses/status'),
      ],
    },
    bind('ClusterRole', { name }),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name, namespace: served },
      rules: [
        read('', 'services', 'secrets', 'configmaps'),
        read('discovery.k8s.io', 'endpointslices'),
        read('networking.k8s.io', 'ingresses'),
        write('networking.k8s.io', 'ingresses/status'),
        read(gatewayGroup, ...gatewayResources),
        write(gatewayGroup, ...gatewayResources.map((resource) => `${resource}/status`)),
      ],
    },
    bind('Role', { name, namespace: served }),
  ];
}

function controllerPod(className: string, served: string) {
  const settings = [
    `entryPoints.websecure.address=:${port}`,
    // As Traefik's own chart has it: the `tls` of an Ingress brings a certificate, and makes no route one of TLS.
    'entryPoints.websecure.http.tls=true',
    'entryPoints.traefik.address=:8080',
    'ping=true',
    'accessLog=true',
    'global.checkNewVersion=false',
    `providers.kubernetesIngress.ingressClass=${className}`,
    `providers.kubernetesIngress.namespaces=${served}`,
    `providers.kubernetesGateway.namespaces=${served}`,
  ];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'traefik' },
    spec: {
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'traefik',
          image,
          args: settings.map((setting) => `--${setting}`),
          readinessProbe: { httpGet: { path: '/ping', port: 8080 }, periodSeconds: 1 },
          resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

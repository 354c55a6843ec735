import { NetworkingV1Api, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { applyManifests } from '../../../k8s/cluster/apply-manifests.ts';
import { ingressControllerImage, putIngressController } from '../../../k8s/images/put-ingress-controller.ts';
import type { Cluster } from '../../support/cluster/connect-cluster.ts';
import { createNamespace } from '../../support/cluster/create-namespace.ts';
import { waitForPod } from '../../support/cluster/wait-for-pod.ts';

export interface IngressController extends AsyncDisposable {
  readonly namespace: string;
  /** Of its IngressClass, as the release's `ingress.className`. */
  readonly className: string;
  /** Where it takes HTTPS. */
  readonly address: string;
  readonly port: number;
}

const port = 8443;

/** Traefik, restricted as our own pods are, in a namespace of its own; it serves the Ingresses of one other namespace. */
export async function startIngressController(cluster: Cluster, served: string): Promise<IngressController> {
  await putIngressController();
  const own = await createNamespace(cluster, 'traefik', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  // What belongs to no namespace has its name too, and goes with it.
  const { name } = own;
  const dispose = async () => {
    if (process.env['HOLDFAST_KEEP'] === '1') return;
    const rbac = cluster.config.makeApiClient(RbacAuthorizationV1Api);
    await rbac.deleteClusterRoleBinding({ name }).catch(() => undefined);
    await rbac.deleteClusterRole({ name }).catch(() => undefined);
    await cluster.config
      .makeApiClient(NetworkingV1Api)
      .deleteIngressClass({ name })
      .catch(() => undefined);
    await own[Symbol.asyncDispose]();
  };
  try {
    await applyManifests(cluster.config, permissions(name, served), 'holdfast-test');
    await own.apply(controllerPod(name, served));
    const { status } = await waitForPod(cluster, { namespace: name, pod: 'traefik' });
    return { namespace: name, className: name, address: status?.podIP ?? '', port, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What Traefik's documentation asks for, in the one namespace where that will do. */
function permissions(name: string, served: string) {
  const rbac = 'rbac.authorization.k8s.io';
  const read = (apiGroup: string, ...resources: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ['get', 'list', 'watch'],
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
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name },
      rules: [read('networking.k8s.io', 'ingressclasses'), read('', 'nodes')],
    },
    bind('ClusterRole', { name }),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name, namespace: served },
      rules: [
        read('', 'services', 'secrets'),
        read('discovery.k8s.io', 'endpointslices'),
        read('networking.k8s.io', 'ingresses'),
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['update'] },
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
          image: ingressControllerImage,
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

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { toolPath } from '../binaries.ts';
import { kubeconfigPath, stateDir } from '../paths.ts';
import { runCommand } from '../run-command.ts';
import { waitUntil } from '../wait-until.ts';
import { certificate } from './certificates.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { ensureProcess, logsDir } from './managed-process.ts';
import { apiServerPort, clusterDomain, hostIp, podCidr, serviceCidr } from './topology.ts';

const cgroup = 'control-plane';
// Not etcd's usual ports: another etcd on this machine is none of our business.
const etcdUrl = 'https://127.0.0.1:23790';
const etcdPeerUrl = 'https://127.0.0.1:23800';

const kubeconfig = (user: string): string => writeKubeconfig(join(stateDir, 'pki', `${user}.kubeconfig`), user);

/** Starts etcd and the API server and returns when it answers; the kubeconfig is there then. */
export async function ensureApiServer(): Promise<void> {
  await startEtcd();
  await startApiServer();
  writeKubeconfig(kubeconfigPath, 'admin');
  await waitForApiServer(60_000);
}

export async function waitForApiServer(timeoutMs: number): Promise<void> {
  const kubectl = await toolPath('kubectl');
  await waitUntil(
    `the API server to be ready (see ${join(logsDir, 'kube-apiserver.log')}; if it can't be mended, take the cluster down and up again)`,
    timeoutMs,
    async () =>
      (await runCommand(kubectl, [
        '--kubeconfig',
        kubeconfigPath,
        'get',
        '--raw',
        '/readyz',
        '--request-timeout',
        '5s',
      ])) === 'ok',
  );
}

/** Controller manager and scheduler. */
export async function ensureControllers(): Promise<void> {
  const ca = certificate('ca');
  const local = ['--bind-address', '127.0.0.1', '--leader-elect=false', '--profiling=false'];
  await Promise.all([
    ensureProcess({
      name: 'kube-controller-manager',
      cgroup,
      command: [
        await toolPath('kube-controller-manager'),
        ...['--kubeconfig', kubeconfig('controller-manager'), '--use-service-account-credentials', ...local],
        ...['--allocate-node-cidrs', '--cluster-cidr', podCidr, '--node-cidr-mask-size', '24'],
        ...[
          '--root-ca-file',
          ca.certPath,
          '--service-account-private-key-file',
          certificate('service-accounts').keyPath,
        ],
        ...['--cluster-signing-cert-file', ca.certPath, '--cluster-signing-key-file', ca.keyPath],
        // Upstream waits 50 s before it calls a silent node NotReady; tests that cut nodes can't.
        ...['--node-monitor-grace-period', '10s', '--node-monitor-period', '1s'],
      ],
    }),
    ensureProcess({
      name: 'kube-scheduler',
      cgroup,
      command: [await toolPath('kube-scheduler'), '--kubeconfig', kubeconfig('scheduler'), ...local],
    }),
  ]);
}

async function startEtcd(): Promise<void> {
  const dataDir = join(stateDir, 'etcd');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const { certPath, keyPath } = certificate('etcd');
  const authority = certificate('etcd-ca').certPath;
  const tls = (prefix: string): string[] => [
    ...[`--${prefix}cert-file`, certPath, `--${prefix}key-file`, keyPath],
    ...[`--${prefix}trusted-ca-file`, authority, `--${prefix}client-cert-auth`],
  ];
  await ensureProcess({
    name: 'etcd',
    cgroup,
    command: [
      await toolPath('etcd'),
      ...['--name', 'holdfast', '--data-dir', dataDir, '--log-level', 'warn', ...tls(''), ...tls('peer-')],
      ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
      ...['--listen-peer-urls', etcdPeerUrl, '--initial-advertise-peer-urls', etcdPeerUrl],
      ...['--initial-cluster', `holdfast=${etcdPeerUrl}`],
      // The cluster doesn't outlive a reboot, so only a crash of the machine could lose what fsync saves.
      '--unsafe-no-fsync',
    ],
  });
}

async function startApiServer(): Promise<void> {
  const server = certificate('api-server');
  const kubeletClient = certificate('api-server-kubelet-client');
  const etcdClient = certificate('etcd-client');
  const frontProxy = certificate('front-proxy-client');
  const serviceAccounts = certificate('service-accounts').keyPath;
  const authority = certificate('ca').certPath;
  await ensureProcess({
    name: 'kube-apiserver',
    cgroup,
    command: [
      await toolPath('kube-apiserver'),
      ...[
        '--bind-address',
        hostIp,
        '--advertise-address',
        hostIp,
        '--secure-port',
        String(apiServerPort),
        '--profiling=false',
      ],
      ...['--tls-cert-file', server.certPath, '--tls-private-key-file', server.keyPath, '--client-ca-file', authority],
      ...['--etcd-servers', etcdUrl, '--etcd-cafile', certificate('etcd-ca').certPath],
      ...['--etcd-certfile', etcdClient.certPath, '--etcd-keyfile', etcdClient.keyPath],
      ...['--service-cluster-ip-range', serviceCidr, '--allow-privileged'],
      ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction'],
      ...['--kubelet-client-certificate', kubeletClient.certPath, '--kubelet-client-key', kubeletClient.keyPath],
      ...['--kubelet-certificate-authority', authority, '--kubelet-preferred-address-types', 'InternalIP'],
      ...['--service-account-issuer', `https://kubernetes.default.svc.${clusterDomain}`],
      ...['--service-account-key-file', serviceAccounts, '--service-account-signing-key-file', serviceAccounts],
      ...['--requestheader-client-ca-file', certificate('front-proxy-ca').certPath],
      ...['--requestheader-allowed-names', 'front-proxy-client', '--requestheader-username-headers', 'X-Remote-User'],
      ...['--requestheader-group-headers', 'X-Remote-Group', '--requestheader-extra-headers-prefix', 'X-Remote-Extra-'],
      ...['--proxy-client-cert-file', frontProxy.certPath, '--proxy-client-key-file', frontProxy.keyPath],
      // No kube-proxy runs in the host's namespace: Service addresses lead nowhere here, pod addresses do.
      '--enable-aggregator-routing',
    ],
  });
}

import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireFileLock } from './file-lock.ts';
import { requireGo } from './go-toolchain.ts';
import { cacheDir } from './paths.ts';
import { runCommand } from './run-command.ts';

/** Each graph is a go.mod under go/ that pins versions; tools of one graph are built together. */
const graphs = {
  kubernetes: {
    module: 'k8s.io/kubernetes',
    stamps: ['k8s.io/component-base/version.gitVersion', 'k8s.io/client-go/pkg/version.gitVersion'],
    tools: {
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
      kubelet: 'k8s.io/kubernetes/cmd/kubelet',
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      etcd: 'go.etcd.io/etcd/server/v3',
    },
  },
  'kube-router': {
    module: 'github.com/cloudnativelabs/kube-router/v2',
    stamps: ['github.com/cloudnativelabs/kube-router/v2/pkg/version.Version'],
    tools: { 'kube-router': 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router' },
  },
  coredns: { module: 'github.com/coredns/coredns', stamps: [], tools: { coredns: 'github.com/coredns/coredns' } },
  'metrics-server': {
    module: 'sigs.k8s.io/metrics-server',
    stamps: ['k8s.io/component-base/version.gitVersion'],
    tools: { 'metrics-server': 'sigs.k8s.io/metrics-server/cmd/metrics-server' },
  },
  helm: {
    module: 'helm.sh/helm/v4',
    stamps: ['helm.sh/helm/v4/internal/version.version'],
    tools: { helm: 'helm.sh/helm/v4/cmd/helm' },
  },
  kubeconform: {
    module: 'github.com/yannh/kubeconform',
    stamps: ['main.version'],
    tools: { kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform' },
  },
  traefik: {
    module: 'github.com/traefik/traefik/v3',
    stamps: ['github.com/traefik/traefik/v3/pkg/version.Version'],
    tools: { traefik: 'github.com/traefik/traefik/v3/cmd/traefik' },
  },
  'cert-manager': {
    module: 'github.com/cert-manager/cert-manager',
    stamps: ['github.com/cert-manager/cert-manager/pkg/util.AppVersion'],
    tools: {
      'cert-manager-controller': 'github.com/cert-manager/cert-manager/holdfast/controller',
      'cert-manager-webhook': 'github.com/cert-manager/cert-manager/holdfast/webhook',
      'cert-manager-cainjector': 'github.com/cert-manager/cert-manager/holdfast/cainjector',
    },
  },
  kind: { module: 'sigs.k8s.io/kind', stamps: [], tools: { kind: 'sigs.k8s.io/kind' } },
  actionlint: {
    module: 'github.com/rhysd/actionlint',
    stamps: [],
    tools: { actionlint: 'github.com/rhysd/actionlint/cmd/actionlint' },
  },
  pause: { module: 'holdfast.test/pause', stamps: [], tools: { pause: 'holdfast.test/pause' } },
} as const satisfies Record<string, { module: string; stamps: readonly string[]; tools: Record<string, string> }>;

const goSettings = {
  CGO_ENABLED: '0',
  GOFLAGS: '-mod=readonly -buildvcs=false',
  GOTOOLCHAIN: 'local',
  GOWORK: 'off',
};

type GraphName = keyof typeof graphs;
type ToolsOf<G> = G extends { tools: infer T } ? keyof T : never;
export type ToolName = ToolsOf<(typeof graphs)[GraphName]>;

const packages = new Map<string, { graph: GraphName; package: string }>(
  (Object.keys(graphs) as GraphName[]).flatMap((graph) =>
    Object.entries(graphs[graph].tools).map(([tool, goPackage]) => [tool, { graph, package: goPackage }] as const),
  ),
);

export const toolNames = [...packages.keys()] as ToolName[];

/** Path of a program built from its pinned source; the first call on a machine builds it (minutes for Kubernetes' own). */
export async function toolPath(tool: ToolName): Promise<string> {
  const { path, goPackage, source, flags } = await describe(tool);
  if (await exists(path)) return path;
  // Go's own cache is shared, but two builds at once would compile the same packages twice.
  await using _lock = await acquireFileLock(join(cacheDir, 'bin', '.build.lock'), 20 * 60_000);
  if (!(await exists(path))) await build(goPackage, source, flags, path);
  return path;
}

/** The folder with the source of a module, in the version that the tool is built with; it is fetched where it is missing. */
export async function sourceFolder(tool: ToolName, module: string): Promise<string> {
  const { source } = await describe(tool);
  const options = { cwd: source, env: { ...process.env, ...goSettings } };
  const { Dir } = JSON.parse(await runCommand(await requireGo(), ['mod', 'download', '-json', module], options));
  return Dir as string;
}

export async function isBuilt(tool: ToolName): Promise<boolean> {
  return await exists((await describe(tool)).path);
}

async function describe(tool: ToolName): Promise<{ path: string; goPackage: string; source: string; flags: string[] }> {
  const found = packages.get(tool);
  if (found === undefined) throw new Error(`no tool ${tool}: it is one of ${toolNames.join(', ')}`);
  const source = join(import.meta.dirname, 'go', found.graph);
  const mod = await readFile(join(source, 'go.mod'), 'utf8');
  const { module, stamps } = graphs[found.graph];
  const version = pinnedVersion(mod, module);
  const hash = createHash('sha256').update(mod);
  const sources = (await readdir(source, { recursive: true })).filter((file) => /\.(go|sum)$/.test(file));
  for (const file of sources.sort()) hash.update(await readFile(join(source, file)));
  const path = join(cacheDir, 'bin', `${found.graph}-${version}-${hash.digest('hex').slice(0, 12)}`, tool);
  return { path, goPackage: found.package, source, flags: stampFlags(version, stamps) };
}

async function build(goPackage: string, source: string, flags: readonly string[], path: string): Promise<void> {
  const partial = `${path}.${process.pid}`;
  await mkdir(join(path, '..'), { recursive: true });
  try {
    const go = await requireGo();
    const env = { ...process.env, ...goSettings };
    const ldflags = ['-s', '-w', ...flags].join(' ');
    // Compiling is long and anything else on the machine is more urgent.
    await runCommand('nice', [go, 'build', '-trimpath', '-ldflags', ldflags, '-o', partial, goPackage], {
      cwd: source,
      env,
    });
    await rename(partial, path);
  } catch (cause) {
    throw new Error(`could not build ${goPackage} from ${source}: is the Go module proxy reachable?`, { cause });
  } finally {
    await rm(partial, { force: true });
  }
}

/** Without these the programs report v0.0.0-master, and clients that compare versions go wrong. */
function stampFlags(version: string, stamps: readonly string[]): string[] {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  return stamps.flatMap((stamp) => [
    `-X ${stamp}=${version}`,
    ...(stamp.endsWith('.gitVersion')
      ? [
          `-X ${stamp.replace('gitVersion', 'gitMajor')}=${major}`,
          `-X ${stamp.replace('gitVersion', 'gitMinor')}=${minor}`,
        ]
      : []),
  ]);
}

function pinnedVersion(mod: string, module: string): string {
  const line = mod
    .split('\n')
    .find((text) => text.trim().split(' ').includes(module) && / v\d/.test(text) && !text.includes('=>'));
  return /\s(v\d\S*)/.exec(line ?? '')?.[1] ?? 'local';
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

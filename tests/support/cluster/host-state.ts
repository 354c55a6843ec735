import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cgroupPids } from '../../../k8s/cluster/native/cgroups.ts';
import { cacheDir, stateDir } from '../../../k8s/cluster/paths.ts';
import { runCommand, tryCommand } from '../../../k8s/cluster/run-command.ts';

/** What a cluster can leave on a machine: by kind, each thing once. */
export type HostState = Readonly<Record<string, readonly string[]>>;

/** Reads it from the kernel; nothing that the cluster wrote down about itself is asked. */
export async function readHostState(): Promise<HostState> {
  const processes = findProcesses();
  return {
    processes: processes.filter(({ ours }) => ours).map(({ pid, name }) => `${pid} ${name}`),
    'network namespaces': [...(await namedNamespaces()), ...namespacesOf(processes)],
    links: linesOf(await runCommand('ip', ['-brief', 'link'])).map((line) => line.split(/\s+/)[0] ?? ''),
    routes: linesOf(await runCommand('ip', ['route', 'show', 'table', 'all'])).filter((line) => line.includes('198.1')),
    mounts: linesOf(readFileSync('/proc/self/mounts', 'utf8')).filter((line) => /holdfast|nsfs|kubelet/.test(line)),
    cgroups: findCgroups(),
    'firewall rules': await firewallRules(),
    'address sets': linesOf((await tryCommand('ipset', ['list', '-name'])) ?? ''),
    sysctls: findSysctls(),
    files: ['/etc/cni', '/opt/cni', '/opt/containerd', '/run/containerd', '/run/flannel', '/var/lib/kubelet']
      .concat(['/var/lib/cni', '/var/lib/containerd', '/var/log/pods', '/var/log/containers', stateDir])
      .filter((path) => existsSync(path)),
    'default kubeconfig': [digestOf(join(homedir(), '.kube', 'config'))],
  };
}

/** What is there now and was not before; and of sysctls and kubeconfig, what has another value. */
export function findLeftovers(before: HostState, after: HostState): string[] {
  return Object.entries(after).flatMap(([kind, things]) =>
    things.filter((thing) => !before[kind]?.includes(thing)).map((thing) => `${kind}: ${thing}`),
  );
}

interface ProcessInfo {
  readonly pid: number;
  readonly name: string;
  readonly network: string;
  readonly ours: boolean;
}

/** Those below our cgroup as this machine sees it, and daemons that got out of it. */
function findProcesses(): ProcessInfo[] {
  const inside = new Set(cgroupPids(''));
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const isDaemon = command.startsWith(join(cacheDir, 'bin')) || command.includes(`${stateDir}/`);
      const ours = inside.has(Number(pid)) || isDaemon;
      return [{ pid: Number(pid), name: command, network: readlinkSync(`/proc/${pid}/ns/net`), ours }];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

/** Those that only processes of ours are in: browsers and others make namespaces too. */
function namespacesOf(processes: readonly ProcessInfo[]): string[] {
  return [...new Set(processes.filter(({ ours }) => ours).map(({ network }) => network))].filter(
    (network) => network !== readlinkSync('/proc/self/ns/net'),
  );
}

async function namedNamespaces(): Promise<string[]> {
  return linesOf((await tryCommand('ip', ['netns', 'list'])) ?? '');
}

function findCgroups(): string[] {
  const roots = linesOf(readFileSync('/proc/self/mounts', 'utf8'))
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path = '']) => path);
  return roots.flatMap((root) =>
    readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^(holdfast|kubepods|kubelet|k8s)/.test(entry.name))
      .map((entry) => join(root, entry.name)),
  );
}

async function firewallRules(): Promise<string[]> {
  const rules: string[] = [];
  for (const table of ['filter', 'nat', 'mangle', 'raw']) {
    // Listing a table loads it, but adds no rule.
    const listed = linesOf((await tryCommand('iptables', ['-w', '-t', table, '-S'])) ?? '');
    // A chain that lets everything pass is no rule, and shows up by looking.
    rules.push(...listed.filter((rule) => !/^-P \w+ ACCEPT$/.test(rule)).map((rule) => `${table} ${rule}`));
  }
  return rules;
}

// Counters and what the kernel derives from load; and what belongs to links, which are compared themselves.
const lively =
  /^(kernel\/(random|ns_last_pid|pty\/nr|perf|sched_domain)|fs\/(dentry-state|inode-|file-nr|aio-nr|mqueue|binfmt_misc|quota)|net\/netfilter\/nf_conntrack_count|net\/ipv[46]\/(conf|neigh)\/(?!all|default)|net\/(core|mptcp)\/.*(cookie|seed)|net\/ipv4\/(tcp_fastopen_key|route\/flush)|sunrpc|debug|dev)/;

function findSysctls(): string[] {
  return readdirSync('/proc/sys', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice('/proc/sys/'.length))
    .filter((path) => !lively.test(path))
    .flatMap((path) => {
      try {
        return [`${path} = ${readFileSync(join('/proc/sys', path), 'utf8').trim()}`];
      } catch {
        // Some can only be written, or belong to hardware that is not there.
        return [];
      }
    });
}

function digestOf(path: string): string {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'none';
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

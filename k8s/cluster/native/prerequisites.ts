import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { homedir, totalmem } from 'node:os';
import { type DebianProgram, missingPackages } from '../debian-packages.ts';
import { runCommand, tryCommand } from '../run-command.ts';
import { cgroupHierarchies } from './cgroups.ts';
import { bridgeName, hostIp } from './topology.ts';

export const clusterPrograms: readonly DebianProgram[] = [
  ...(['containerd', 'runc', '/usr/lib/cni/bridge', 'iptables', 'ipset', 'conntrack', 'ip'] as const),
  ...(['openssl', 'docker-registry', 'skopeo'] as const),
];

const leastDiskGiB = 8;
const leastMemoryGiB = 3;
const gib = 2 ** 30;

/** What this machine can never give, each with the remedy; empty when it can run nodes. Costs no time and changes nothing. */
export async function missingForNative(): Promise<string[]> {
  if (process.platform !== 'linux')
    return [`nodes are Linux namespaces and this is ${process.platform}: use --provider kind`];
  if (process.getuid?.() !== 0)
    return ['nodes are made of namespaces, links and cgroups, which only root may make: run it with sudo'];
  const missing = [...missingControllers(), ...missingRoom()];
  if (!readFileSync('/proc/filesystems', 'utf8').includes('\toverlay'))
    missing.push('the kernel has no overlayfs: load it with modprobe overlay');
  const packages = await missingPackages(clusterPrograms);
  if (packages.length > 0 && (await tryCommand('apt-get', ['--version'])) === undefined) {
    missing.push(`programs are missing and there is no apt-get: install what Debian has in ${packages.join(', ')}`);
  }
  return missing;
}

function missingControllers(): string[] {
  const hierarchies = cgroupHierarchies();
  const v1 = hierarchies.some((hierarchy) => !hierarchy.unified);
  const needed = v1
    ? ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'pids']
    : ['cpu', 'cpuset', 'memory', 'pids'];
  const have = hierarchies
    .filter((hierarchy) => v1 !== hierarchy.unified)
    .flatMap((hierarchy) => hierarchy.controllers);
  const missing = needed.filter((controller) => !have.includes(controller));
  return missing.length === 0
    ? []
    : [
        `cgroup controllers are missing: ${missing.join(', ')}; mount them below /sys/fs/cgroup, or let the container we run in have them`,
      ];
}

function missingRoom(): string[] {
  const { bavail, bsize, type } = statfsSync(homedir());
  const missing: string[] = [];
  if ((bavail * bsize) / gib < leastDiskGiB)
    missing.push(`${homedir()} has less than ${leastDiskGiB} GiB free: make room there`);
  if (totalmem() / gib < leastMemoryGiB) missing.push(`the machine has less than ${leastMemoryGiB} GiB of memory`);
  const overlayMagic = 0x794c7630;
  if (type === overlayMagic)
    missing.push(`${homedir()} is on overlayfs, which images can't be stacked on: set HOME to a directory on a disk`);
  if (/^\/(var|run)\//.test(`${homedir()}/`))
    missing.push(`HOME is below /var or /run, which a node has of its own: set HOME to a directory elsewhere`);
  return missing;
}

/** Tries what the nodes will ask of the kernel, in a namespace that goes away at once. Needs the packages. */
export async function probeKernel(): Promise<void> {
  const probes: readonly (readonly [string, string])[] = [
    ['bridges (module bridge)', 'ip link add probe0 type bridge'],
    ['veth pairs (module veth)', 'ip link add probe1 type veth peer name probe2'],
    ['filtering of bridged frames (module br_netfilter)', 'test -e /proc/sys/net/bridge/bridge-nf-call-iptables'],
    ['address translation', 'iptables -w -t nat -A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE'],
    ['connection tracking', 'iptables -w -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'],
    [
      'load balancing in iptables (xt_statistic)',
      'iptables -w -A FORWARD -m statistic --mode random --probability 0.5 -j ACCEPT',
    ],
    [
      'sets of addresses (ip_set)',
      'ipset create probe hash:ip && iptables -w -A FORWARD -m set --match-set probe src -j ACCEPT',
    ],
  ];
  const missing: string[] = [];
  for (const [feature, command] of probes) {
    if ((await tryCommand('unshare', ['--net', '--', 'sh', '-c', command])) === undefined)
      missing.push(`the kernel lacks ${feature}; what failed is: ${command}`);
  }
  const route = await runCommand('ip', ['route', 'get', hostIp]).catch(() => '');
  const foreign =
    !route.startsWith('local') && route.includes('198.19.') && existsSync(`/sys/class/net/${bridgeName}`) === false;
  if (foreign && !route.includes(' via '))
    missing.push(`${hostIp} is already reached by another link: ${route.split('\n')[0]?.trim()}; that network must go`);
  if (missing.length > 0) throw new Error(missing.map((line) => `- ${line}`).join('\n'));
}

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDir } from '../paths.ts';

const savedPath = join(stateDir, 'host-sysctls.json');

// What we need ourselves. Frames between nodes pass the host's bridge: with bridge-nf-call they would meet the host's own
// firewall, and Docker's daemon sets that to drop. Three kubelets and containerds need more inotify instances than the default.
const wanted = [
  { path: 'net/bridge/bridge-nf-call-iptables', atMost: 0 },
  { path: 'net/bridge/bridge-nf-call-ip6tables', atMost: 0 },
  { path: 'fs/inotify/max_user_instances', atLeast: 1024 },
  { path: 'fs/inotify/max_user_watches', atLeast: 524_288 },
];

// What kubelet and kube-proxy set on their own, for the whole machine.
const touched = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/netfilter/nf_conntrack_max',
  'net/netfilter/nf_conntrack_tcp_be_liberal',
  'net/netfilter/nf_conntrack_tcp_timeout_established',
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait',
];

/** Saves the host's values, once per cluster, and sets ours. */
export function applyHostSysctls(): void {
  if (!existsSync(savedPath)) {
    const paths = [...wanted.map((each) => each.path), ...touched].filter((path) =>
      existsSync(join('/proc/sys', path)),
    );
    mkdirSync(stateDir, { recursive: true });
    writeFileSync(savedPath, JSON.stringify(Object.fromEntries(paths.map((path) => [path, readSysctl(path)]))));
  }
  for (const { path, atMost, atLeast } of wanted) {
    const value = Number(readSysctl(path));
    if (atMost !== undefined && value > atMost) writeSysctl(path, String(atMost));
    if (atLeast !== undefined && value < atLeast) writeSysctl(path, String(atLeast));
  }
}

/** Puts back what applyHostSysctls saved. */
export function restoreHostSysctls(): void {
  if (!existsSync(savedPath)) return;
  const saved = JSON.parse(readFileSync(savedPath, 'utf8')) as Record<string, string>;
  for (const [path, value] of Object.entries(saved)) {
    if (readSysctl(path) !== value) writeSysctl(path, value);
  }
  rmSync(savedPath);
}

/** NaN, and so never out of bounds, where the kernel doesn't have it. */
function readSysctl(path: string): string {
  const file = join('/proc/sys', path);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'NaN';
}

function writeSysctl(path: string, value: string): void {
  writeFileSync(join('/proc/sys', path), value);
}

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../wait-until.ts';

/** Everything the cluster runs is below this cgroup, so what is ours is known by the kernel and not by names or pids. */
export const rootCgroup = 'holdfast';

interface Hierarchy {
  readonly path: string;
  readonly controllers: readonly string[];
  readonly unified: boolean;
}

export function cgroupHierarchies(): Hierarchy[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path = '', type, options = '']) => {
      const unified = type === 'cgroup2';
      const listed = unified
        ? readFileSync(join(path, 'cgroup.controllers'), 'utf8').trim().split(' ')
        : options.split(',');
      return { path, controllers: listed.filter((name) => name !== ''), unified };
    });
}

/** A cgroup v2 tree beside v1 ones holds no controllers here; kubelet and runc then work with v1 alone. */
function usedHierarchies(): Hierarchy[] {
  const all = cgroupHierarchies();
  const v1 = all.filter((hierarchy) => !hierarchy.unified);
  return v1.length > 0 ? v1 : all;
}

/**
 * Makes `holdfast/<path>` in every hierarchy, for processes that the cluster is made of. They run where no pod wants to (cpu.idle; a
 * quarter of the usual share on kernels before 5.15): elsewhere the control plane has machines of its own, and a node more than a share of
 * two cores.
 *
 * @returns their cgroup.procs files: a pid written there is moved in
 */
export function ensureCgroup(path: string): string[] {
  return usedHierarchies().map((hierarchy) => {
    let at = hierarchy.path;
    for (const part of [rootCgroup, ...path.split('/')]) {
      if (hierarchy.unified) delegateControllers(at, hierarchy.controllers);
      const parent = at;
      at = join(at, part);
      mkdirSync(at, { recursive: true });
      // A v1 cpuset starts empty, and an empty one takes no process.
      if (hierarchy.controllers.includes('cpuset') && !hierarchy.unified) inheritCpuset(parent, at);
    }
    if (hierarchy.controllers.includes('cpu')) yieldToPods(at, hierarchy.unified);
    return join(at, 'cgroup.procs');
  });
}

function yieldToPods(at: string, unified: boolean): void {
  if (existsSync(join(at, 'cpu.idle'))) writeFileSync(join(at, 'cpu.idle'), '1');
  else if (unified) writeFileSync(join(at, 'cpu.weight'), '25');
  else writeFileSync(join(at, 'cpu.shares'), '256');
}

function inheritCpuset(parent: string, child: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readFileSync(join(child, file), 'utf8').trim() === '')
      writeFileSync(join(child, file), readFileSync(join(parent, file)));
  }
}

function delegateControllers(at: string, controllers: readonly string[]): void {
  const wanted = ['cpu', 'cpuset', 'memory', 'pids', 'io'].filter((name) => controllers.includes(name));
  writeFileSync(join(at, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '));
}

/** Every process at or below `holdfast/<path>`, in any hierarchy. */
export function cgroupPids(path: string): number[] {
  const pids = new Set<number>();
  for (const dir of cgroupDirs(path)) {
    for (const pid of readPids(dir)) pids.add(pid);
  }
  return [...pids];
}

/**
 * SIGKILLs what is at or below `holdfast/<path>` until nothing but `spared` is left. A frozen v1 cgroup is thawed, or its end
 * never comes.
 */
export async function killCgroup(path: string, spared: readonly number[] = []): Promise<void> {
  await waitUntil(
    `the processes of cgroup ${rootCgroup}/${path} to end`,
    30_000,
    () => {
      for (const dir of cgroupDirs(path)) {
        if (existsSync(join(dir, 'freezer.state'))) writeFileSync(join(dir, 'freezer.state'), 'THAWED');
      }
      const pids = cgroupPids(path).filter((pid) => !spared.includes(pid));
      for (const pid of pids) signalIfThere(pid, 'SIGKILL');
      return pids.length === 0;
    },
    50,
  );
}

/** Removes the empty cgroup `holdfast/<path>` and all below it. */
export async function removeCgroup(path: string): Promise<void> {
  // Deepest first; the kernel frees a cgroup a little after its last process.
  await waitUntil(`cgroup ${rootCgroup}/${path} to be removable`, 15_000, () => {
    for (const dir of cgroupDirs(path).sort((a, b) => b.length - a.length)) rmdirSync(dir);
    return cgroupDirs(path).length === 0;
  });
}

function cgroupDirs(path: string): string[] {
  return cgroupHierarchies().flatMap((hierarchy) => descend(join(hierarchy.path, rootCgroup, path)));
}

function descend(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const below = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [dir, ...below.flatMap((entry) => descend(join(dir, entry.name)))];
}

function readPids(dir: string): number[] {
  try {
    return readFileSync(join(dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    // The cgroup went away between listing and reading: it has no processes.
    return [];
  }
}

/** A process that has ended since it was listed needs no signal. */
export function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Processes of one container: kubelet names its cgroup for its id. */
export function containerPids(path: string, containerId: string): number[] {
  const own = cgroupDirs(path).filter((dir) => dir.split('/').includes(containerId));
  return [...new Set(own.flatMap(readPids))];
}

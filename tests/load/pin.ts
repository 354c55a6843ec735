import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { onPath } from '../../services/local/src/on-path.ts';

/** Whether this machine can keep a process on a core, and has two to tell apart. */
export const canPin = onPath('taskset') !== undefined && availableParallelism() >= 2;

/** The service under test has a core to itself; Redis, its replica and the generator share the other. */
export const SERVICE_CORE = 0;
export const OTHER_CORE = 1;

/** Keeps a process, with all its threads, on one core. Does nothing where {@link canPin} is false. */
export function pin(pid: number, core: number): void {
  if (!canPin) return;
  const { status, stderr } = spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset could not put process ${pid} on core ${core}: ${stderr}`);
}

import { readFileSync } from 'node:fs';

/** A pid alone may be reused; with the start time (clock ticks since boot) it names one process. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
}

/** @returns undefined when there is no such process, or only its zombie. */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  const state = stat === undefined ? undefined : processState(stat);
  if (stat === undefined || state === 'Z' || state === 'X') return undefined;
  return parseStat(stat);
}

/** @param stat a line as /proc/<pid>/stat has it. */
export function parseStat(stat: string): ProcessIdentity | undefined {
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const pid = Number.parseInt(stat, 10);
  return startTicks === undefined || Number.isNaN(pid) ? undefined : { pid, startTicks };
}

export function isSameProcess(identity: ProcessIdentity): boolean {
  return processIdentity(identity.pid)?.startTicks === identity.startTicks;
}

/** Stopped by a signal, as SIGSTOP does. */
export function isStopped(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && processState(stat) === 'T';
}

// The command may hold spaces and brackets, so fields are counted from its closing bracket: the state is the first.
function processState(stat: string): string | undefined {
  return stat[stat.lastIndexOf(')') + 2];
}

function readStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
}

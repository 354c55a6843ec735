import { readFileSync } from 'node:fs';

/** A pid alone may be reused; with the start time (clock ticks since boot) it names one process. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
}

/** @returns undefined when there is no such process, or only its zombie. */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command may hold spaces and brackets, so fields are counted from its closing bracket: state is the first.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[19];
  if (startTicks === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startTicks };
}

export function isSameProcess(identity: ProcessIdentity): boolean {
  return processIdentity(identity.pid)?.startTicks === identity.startTicks;
}

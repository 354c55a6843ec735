import { readdirSync, readFileSync } from 'node:fs';

/** Processes whose command line or environment has this text in it, such as the path of their folder. Linux only. */
export function findProcesses(text: string): number[] {
  return readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) && (read(name, 'cmdline') + read(name, 'environ')).includes(text) ? Number(name) : [],
  );
}

export function childrenOf(pid: number): number[] {
  return read(String(pid), `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

export const commandLine = (pid: number) => read(String(pid), 'cmdline').replaceAll('\0', ' ');

/** What of a process can be read; nothing of one that has ended or is somebody else's. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

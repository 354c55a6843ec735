import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stateDir } from '../paths.ts';
import { isSameProcess, isStopped, type ProcessIdentity, parseStat } from '../process-identity.ts';
import { waitUntil } from '../wait-until.ts';
import { ensureCgroup } from './cgroups.ts';

const recordsDir = join(stateDir, 'processes');
export const logsDir = join(stateDir, 'logs');

export interface ProcessSpec {
  readonly name: string;
  /** Below holdfast/. */
  readonly cgroup: string;
  readonly command: readonly string[];
  /** Text of the files it reads at start: when that changes it is started anew. */
  readonly config?: string;
  /** Runs in the namespaces of this process. */
  readonly inside?: ProcessIdentity;
}

interface ProcessRecord extends ProcessIdentity {
  readonly specHash: string;
  readonly stopped: boolean;
}

// It joins its cgroups and records itself before it becomes the program: one that `up` was killed while starting is as well known
// as any other. exec keeps both pid and start time.
const launcher = `
record=$1; hash=$2; shift 2
while [ "$1" != -- ]; do echo $$ > "$1" || exit 1; shift; done; shift
{ echo "$hash"; cat /proc/$$/stat; } > "$record.new" && mv "$record.new" "$record" && exec "$@"`;

/** Starts the process unless exactly it already runs. @returns who it is, and whether it is new. */
export async function ensureProcess(spec: ProcessSpec): Promise<ProcessIdentity & { readonly fresh: boolean }> {
  const specHash = createHash('sha256').update(JSON.stringify(spec)).digest('hex');
  const running = runningProcess(spec.name);
  if (running?.specHash === specHash) {
    if (running.stopped) process.kill(running.pid, 'SIGCONT');
    return { ...running, fresh: false };
  }
  await stopProcess(spec.name, 'SIGTERM');
  mkdirSync(recordsDir, { recursive: true });
  mkdirSync(logsDir, { recursive: true });
  const entered =
    spec.inside === undefined ? [] : ['nsenter', `--target=${spec.inside.pid}`, '--mount', '--net', '--uts', '--'];
  const log = openSync(join(logsDir, `${spec.name}.log`), 'a');
  const child = spawn(
    'sh',
    [
      '-c',
      launcher,
      'sh',
      recordPath(spec.name),
      specHash,
      ...ensureCgroup(spec.cgroup),
      '--',
      ...entered,
      ...spec.command,
    ],
    { detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  child.unref();
  const started = await waitUntil(
    `${spec.name} to start (see ${join(logsDir, `${spec.name}.log`)})`,
    10_000,
    () => runningProcess(spec.name),
    10,
  );
  return { ...started, fresh: true };
}

/** Asks a recorded process to end, and after `graceMs` makes it. */
export async function stopProcess(name: string, signal: NodeJS.Signals, graceMs = 10_000): Promise<void> {
  const running = runningProcess(name);
  if (running !== undefined) {
    process.kill(running.pid, signal);
    if (running.stopped) process.kill(running.pid, 'SIGCONT');
    await waitUntil(`${name} to end`, graceMs, () => !isSameProcess(running), 20).catch(() => {
      if (isSameProcess(running)) process.kill(running.pid, 'SIGKILL');
    });
    await waitUntil(`${name} to end`, 10_000, () => !isSameProcess(running), 20);
  }
  rmSync(recordPath(name), { force: true });
}

/** @returns the recorded process if it still is that very one. */
export function runningProcess(name: string): ProcessRecord | undefined {
  let text: string;
  try {
    text = readFileSync(recordPath(name), 'utf8');
  } catch {
    return undefined;
  }
  const [specHash = '', stat = ''] = text.split('\n');
  const identity = parseStat(stat);
  if (identity === undefined || !isSameProcess(identity)) return undefined;
  return { ...identity, specHash, stopped: isStopped(identity.pid) };
}

export function recordedProcesses(): string[] {
  try {
    return readdirSync(recordsDir).filter((name) => !name.endsWith('.new'));
  } catch {
    return [];
  }
}

export function deadProcesses(): string[] {
  return recordedProcesses().filter((name) => runningProcess(name) === undefined);
}

function recordPath(name: string): string {
  return join(recordsDir, name);
}

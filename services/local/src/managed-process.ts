import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onPath } from './on-path.ts';

/** A parent that died before the kernel was asked to tell sends no signal: whoever has another parent by now does not begin. */
const UNLESS_ORPHANED = '[ "$PPID" = "$0" ] && exec "$@"';

const LARGEST_LOG_BYTES = 10_000_000;

/** An account and what it may do besides its own, for a program that refuses to run as root. */
export interface RunAs {
  user: string;
  /** Linux capabilities it keeps, such as `dac_read_search`. */
  capabilities: readonly string[];
}

export interface ProcessOptions {
  /** For messages, such as `redis-1`. */
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment; what is not in it, the process does not see. */
  env?: NodeJS.ProcessEnv;
  folder?: string;
  /** Output and errors are appended to it. */
  logFile: string;
  runAs?: RunAs;
  /** What the kernel sends it when this process dies, however it dies. */
  deathSignal?: 'KILL' | 'QUIT';
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A child process that never outlives its parent. It runs in a session of its own, so that Ctrl-C in a terminal
 * reaches the parent alone, which then stops its children in the right order; and where Linux offers it
 * (PR_SET_PDEATHSIG through setpriv) the kernel ends it when the parent is killed outright.
 */
export class ManagedProcess implements AsyncDisposable {
  readonly name: string;
  readonly logFile: string;
  /** Settles when the process has ended; never rejects. */
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  #exit: ProcessExit | undefined;

  private constructor(options: ProcessOptions, child: ChildProcess) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#child = child;
    this.exited = once(child, 'exit').then(([code, signal]) => {
      this.#exit = { code, signal };
      return this.#exit;
    });
  }

  /** @throws Error when the program can't be started at all */
  static async start(options: ProcessOptions): Promise<ManagedProcess> {
    const log = openLog(options.logFile);
    const [command, args] = withSetpriv(options);
    const child = spawn(command, args, {
      ...(options.folder === undefined ? {} : { cwd: options.folder }),
      env: options.env ?? process.env,
      stdio: ['ignore', log, log],
      detached: true,
    });
    const managed = new ManagedProcess(options, child);
    try {
      await once(child, 'spawn');
    } catch (cause) {
      throw new Error(`${options.name}: ${command} could not be started: ${(cause as Error).message}`, { cause });
    } finally {
      closeSync(log);
    }
    return managed;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** Sends a signal, if the process is still there. */
  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /**
   * Asks until the answer is true.
   * @throws Error with the end of the log when the process ends first or the time is up
   */
  async untilReady(isReady: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let last: unknown;
    while (this.running) {
      try {
        if (await isReady()) return;
      } catch (error) {
        last = error;
      }
      if (performance.now() > deadline) {
        const reason = last instanceof Error ? ` (${last.message})` : '';
        throw new Error(`${this.name} was not ready after ${timeoutMs} ms${reason}. ${this.#logTail()}`);
      }
      await Promise.race([delay(25), this.exited]);
    }
    const { code, signal } = await this.exited;
    throw new Error(`${this.name} ended with ${signal ?? `exit code ${code}`}. ${this.#logTail()}`);
  }

  /** Asks it to stop, and kills it when it does not within `graceMs`. A process stopped by SIGSTOP is woken first. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<void> {
    if (!this.running) return;
    this.kill('SIGCONT');
    this.kill(signal);
    const abort = new AbortController();
    const grace = delay(graceMs, undefined, { signal: abort.signal }).catch(() => {});
    await Promise.race([this.exited, grace]);
    abort.abort();
    this.kill('SIGKILL');
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #logTail(): string {
    const tail = readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
    return `The end of ${this.logFile}:\n${tail}`;
  }
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LARGEST_LOG_BYTES) truncateSync(path);
  const log = openSync(path, 'a', 0o600);
  chmodSync(path, 0o600);
  return log;
}

function withSetpriv({ command, args, runAs, deathSignal = 'KILL' }: ProcessOptions): [string, string[]] {
  if (!onPath('setpriv')) {
    if (runAs)
      throw new Error(`${command} must not run as root: install setpriv (package util-linux), or use another account`);
    return [command, [...args]];
  }
  const options = ['--pdeathsig', deathSignal];
  if (runAs) {
    const capabilities = ['-all', ...runAs.capabilities.map((name) => `+${name}`)].join(',');
    options.push('--reuid', runAs.user, '--regid', runAs.user, '--clear-groups');
    options.push('--inh-caps', capabilities, '--ambient-caps', capabilities);
  }
  return ['setpriv', [...options, '--', 'sh', '-c', UNLESS_ORPHANED, String(process.pid), command, ...args]];
}

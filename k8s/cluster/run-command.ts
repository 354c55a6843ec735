import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** Runs a program to its end and returns its stdout. @throws Error with the command line and the end of its stderr. */
export async function runCommand(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    timeout: options.timeoutMs,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that exits without reading its input closes the pipe; its exit code tells what matters.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  child.once('error', reject);
  child.once('close', (code, signal) => {
    const out = Buffer.concat(stdout).toString();
    if (code === 0) {
      resolve(out);
      return;
    }
    const said = `${Buffer.concat(stderr).toString()}${out}`.trim().split('\n').slice(-15).join('\n');
    reject(new Error(`${[file, ...args].join(' ')} ended with ${signal ?? code}:\n${said}`));
  });
  return await promise;
}

/** Like runCommand, but a failure is an answer (undefined) rather than an error. */
export async function tryCommand(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string | undefined> {
  return await runCommand(file, args, options).catch(() => undefined);
}

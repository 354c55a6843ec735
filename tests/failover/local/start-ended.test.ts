import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { layoutVariables, portLists } from '../../../services/local/src/platform-layout.ts';
import { childrenOf, commandLine, findProcesses } from '../../support/find-processes.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { reserveLayout } from '../../support/test-platform.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** The processes of an `npm start`, from npm inwards: a shell may stand between npm and the bootstrap. */
function findChain(npm: number) {
  const find = (from: number | undefined, wanted: RegExp) => {
    for (const pid of from === undefined ? [] : childrenOf(from)) {
      if (wanted.test(commandLine(pid))) return pid;
      const below = childrenOf(pid).find((each) => wanted.test(commandLine(each)));
      if (below !== undefined) return below;
    }
    return undefined;
  };
  const bootstrap = find(npm, /^\S*node \S*bootstrap\.mjs /);
  // Any child: also one that is still a copy of the bootstrap.
  const main = bootstrap === undefined ? undefined : childrenOf(bootstrap).at(-1);
  const server = main === undefined ? undefined : childrenOf(main)[0];
  return { npm, bootstrap, main, server };
}

type Target = 'npm' | 'bootstrap' | 'main' | 'everybody in the terminal';
type Moment = 'bootstrap' | 'main' | 'server' | 'ready';

async function startAndEnd(moment: Moment, target: Target, signal: NodeJS.Signals): Promise<void> {
  await using folder = await createTemporaryFolder('ended');
  const layout = await reserveLayout();
  const ports = portLists.map((name) => [layoutVariables[name].variable, layout[name].join()]);
  const env = { ...process.env, ...Object.fromEntries(ports), HOLDFAST_STATE_DIR: folder.path };
  const npm = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  let output = '';
  npm.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  try {
    const deadline = performance.now() + 60_000;
    let chain = findChain(npm.pid as number);
    // Not by polling at intervals: the moments that matter are shorter than one.
    while (moment === 'ready' ? !output.split('\n').includes('ready') : chain[moment] === undefined) {
      if (performance.now() > deadline) throw new Error(`no ${moment} within 60 s: ${output}`);
      await turn();
      chain = findChain(npm.pid as number);
    }
    const pid = target === 'everybody in the terminal' ? -(npm.pid as number) : chain[target];
    process.kill(pid as number, signal);
    await pollUntil('the end of everything', 40_000, () => findProcesses(folder.path).length === 0);
  } finally {
    const left = findProcesses(folder.path);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    expect(left.map(commandLine)).toEqual([]);
  }
}

const cases: [Moment, Target, NodeJS.Signals][] = [
  ['bootstrap', 'npm', 'SIGTERM'],
  ['bootstrap', 'npm', 'SIGKILL'],
  ['main', 'npm', 'SIGTERM'],
  ['main', 'npm', 'SIGKILL'],
  ['main', 'bootstrap', 'SIGTERM'],
  ['main', 'bootstrap', 'SIGKILL'],
  ['main', 'everybody in the terminal', 'SIGHUP'],
  ['server', 'npm', 'SIGKILL'],
  ['server', 'main', 'SIGKILL'],
  ['server', 'main', 'SIGTERM'],
  ['server', 'everybody in the terminal', 'SIGINT'],
  ['ready', 'npm', 'SIGTERM'],
];

test.skipIf(process.platform !== 'linux').each(cases)(
  'nothing of `npm start` stays behind when, as soon as it comes to %s, %s gets %s',
  startAndEnd,
  150_000,
);

test.skipIf(process.platform !== 'linux')(
  'a process that was started last does not outlive a parent that is killed at that moment',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-orphan-'));
    const module = join(root, 'services', 'local', 'src', 'managed-process.ts');
    const program = `
      const { ManagedProcess } = await import(${JSON.stringify(module)});
      await ManagedProcess.start({ name: 'x', command: 'sleep', args: ['600'], logFile: '${folder}/log', env: { ...process.env, FOLDER: '${folder}' } });
      process.kill(process.pid, 'SIGKILL');`;
    for (let round = 0; round < 15; round++) {
      const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' });
      await new Promise((resolve) => parent.on('exit', resolve));
    }
    try {
      await pollUntil('the end of all', 10_000, () => findProcesses(folder).length === 0);
    } finally {
      for (const pid of findProcesses(folder)) process.kill(pid, 'SIGKILL');
      await rm(folder, { recursive: true });
    }
  },
  60_000,
);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  layoutVariables,
  listPorts,
  type PlatformLayout,
  portLists,
} from '../../../services/local/src/platform-layout.ts';
import { isFreePort } from '../../../services/local/src/require-free-ports.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { reserveLayout } from '../../support/test-platform.ts';

const main = fileURLToPath(new URL('../../../services/local/src/main.ts', import.meta.url));

/** `npm start` without npm, on ports of its own. */
function startMain(stateFolder: string, layout: PlatformLayout) {
  const ports = portLists.map((name) => [layoutVariables[name].variable, layout[name].join()]);
  const env = { ...process.env, ...Object.fromEntries(ports), HOLDFAST_STATE_DIR: stateFolder };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(String(chunk)));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  return { child, exited, text: () => output.join('') };
}

type Started = ReturnType<typeof startMain>;

const untilReady = (started: Started) =>
  pollUntil('the line ready', 60_000, () => {
    if (started.child.exitCode !== null) throw new Error(started.text());
    return started.text().split('\n').includes('ready');
  });

const untilGone = (layout: PlatformLayout) =>
  pollUntil('every port free', 15_000, async () => {
    for (const { port } of listPorts(layout)) if (!(await isFreePort(layout.host, port))) return false;
    return true;
  });

test('leaves nothing running when it is killed outright, and starts again on what it left; twice Ctrl-C stops it in order', async () => {
  await using folder = await createTemporaryFolder('start');
  const layout = await reserveLayout();
  const killed = startMain(folder.path, layout);
  await untilReady(killed);
  killed.child.kill('SIGKILL');
  await untilGone(layout);

  const again = startMain(folder.path, layout);
  await untilReady(again);
  again.child.kill('SIGINT');
  again.child.kill('SIGINT');
  expect(await again.exited).toBe(0);
  expect(again.text()).toMatch(/stopping\nstopped\n$/);
  await untilGone(layout);
}, 180_000);

test('leaves nothing running when it is stopped while it starts', async () => {
  await using folder = await createTemporaryFolder('start');
  const layout = await reserveLayout();
  const started = startMain(folder.path, layout);
  await pollUntil('Redis', 30_000, async () => !(await isFreePort(layout.host, layout.redis[0] as number)));
  started.child.kill('SIGTERM');
  expect(await started.exited).toBe(0);
  await untilGone(layout);
}, 120_000);

test('names the port that is in use and the variable to change, and starts nothing', async () => {
  await using folder = await createTemporaryFolder('start');
  const layout = await reserveLayout();
  const port = layout.orders[1] as number;
  const other = createServer().listen({ host: layout.host, port });
  await once(other, 'listening');
  try {
    const started = startMain(folder.path, layout);
    expect(await started.exited).toBe(1);
    expect(started.text()).toContain(`Port ${port}`);
    expect(started.text()).toContain('HOLDFAST_ORDERS_PORTS');
    expect(started.text()).not.toContain('    at ');
  } finally {
    other.close();
    await once(other, 'close');
  }
  await untilGone(layout);
}, 60_000);

test('refuses a folder on which another platform runs', async () => {
  await using folder = await createTemporaryFolder('start');
  const layout = await reserveLayout();
  const first = startMain(folder.path, layout);
  await untilReady(first);
  const second = startMain(folder.path, await reserveLayout());
  expect(await second.exited).toBe(1);
  expect(second.text()).toContain('Another platform runs on');
  first.child.kill('SIGTERM');
  expect(await first.exited).toBe(0);
}, 120_000);

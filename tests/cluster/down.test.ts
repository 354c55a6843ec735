import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { existingProvider } from '../../k8s/cluster/choose-provider.ts';
import { stateDir } from '../../k8s/cluster/paths.ts';
import { runCommand } from '../../k8s/cluster/run-command.ts';
import { findLeftovers, type HostState, readHostState } from '../support/cluster/host-state.ts';
import { requireTestCluster } from '../support/cluster/require-cluster.ts';

const main = join(import.meta.dirname, '../../k8s/cluster/main.ts');
const timeout = 300_000;

test('down leaves nothing behind, and up makes it again', { timeout }, async (context) => {
  const before = requireOwnCluster(context);
  const there = findLeftovers(before, await readHostState());
  // Else the comparison below would find nothing whatever down does.
  for (const kind of ['processes', 'network namespaces', 'links', 'routes', 'cgroups', 'sysctls', 'files'])
    expect(
      there.some((line) => line.startsWith(`${kind}: `)),
      `the cluster shows in ${kind}`,
    ).toBe(true);
  await runCommand(process.execPath, [main, 'down']);
  expect(findLeftovers(before, await readHostState())).toEqual([]);
  await runCommand(process.execPath, [main, 'up']);
  expect(await runCommand(process.execPath, [main, 'status'])).toMatch(/^up/);
});

test.for(['image registry', 'etcd, API server', 'nodes'])(
  'down leaves nothing behind when up was killed at the step "%s"',
  { timeout },
  async (name, context) => {
    const before = requireOwnCluster(context);
    await runCommand(process.execPath, [main, 'down']);
    await killUpAt(name);
    await runCommand(process.execPath, [main, 'down']);
    expect(findLeftovers(before, await readHostState())).toEqual([]);
    await runCommand(process.execPath, [main, 'up']);
  },
);

/** Only what this run made is taken down. */
function requireOwnCluster(context: TestContext): HostState {
  const { state, reason, hostBefore } = requireTestCluster(context);
  if (state === 'failed') throw new Error(`the cluster did not come up: ${reason}`);
  if (hostBefore === undefined) return context.skip('the cluster was up before this run and is left up');
  return hostBefore;
}

async function killUpAt(name: string): Promise<void> {
  const up = spawn(process.execPath, [main, 'up'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(up, 'close');
  let said = '';
  for await (const chunk of up.stderr) {
    said += chunk;
    if (said.includes(`  ${name} ... `)) break;
  }
  up.kill('SIGKILL');
  await ended;
  expect(said, `up came to the step ${name}`).toContain(`  ${name} ... `);
  expect(await existingProvider(), `${stateDir} is there`).toBeDefined();
}

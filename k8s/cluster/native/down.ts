import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { stateDir } from '../paths.ts';
import { runCommand, tryCommand } from '../run-command.ts';
import { waitUntil } from '../wait-until.ts';
import { removeBridge } from './bridge.ts';
import { killCgroup, removeCgroup } from './cgroups.ts';
import { restoreHostSysctls } from './host-sysctls.ts';
import { nodes } from './topology.ts';

/**
 * Ends and removes all that `up` can have made. It asks the kernel what is there and needs no record that `up` got to its end.
 * What is in a node's namespaces (mounts, links, firewall rules, pods' own namespaces) goes with their last process.
 */
export async function tearDown(): Promise<void> {
  await killCgroup('');
  await removeCgroup('');
  for (const node of nodes) {
    await waitUntil(`link ${node.link} to go`, 10_000, async () => {
      if ((await tryCommand('ip', ['link', 'show', node.link])) === undefined) return true;
      await tryCommand('ip', ['link', 'del', node.link]);
      return false;
    });
  }
  await removeBridge();
  restoreHostSysctls();
  await unmountState();
  if (existsSync(stateDir)) rmSync(stateDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  const parent = dirname(stateDir);
  if (existsSync(parent) && readdirSync(parent).length === 0) rmdirSync(parent);
}

/** Nothing of ours is mounted in the host's namespace; but to delete through a mount would delete what is mounted. */
async function unmountState(): Promise<void> {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${stateDir}/`));
  for (const point of points.reverse()) await runCommand('umount', [point]);
}

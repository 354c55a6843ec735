import { readFileSync } from 'node:fs';
import type { NodeFaults } from '../provider.ts';
import { runCommand } from '../run-command.ts';
import { containerPids } from './cgroups.ts';
import { startNode, stopNode } from './node.ts';
import { bridgeName, requireNode } from './topology.ts';

export const nativeFaults: NodeFaults = {
  cutNetwork: async (node) => {
    await runCommand('ip', ['link', 'set', requireNode(node).link, 'down']);
  },
  mendNetwork: async (node) => {
    await runCommand('ip', ['link', 'set', requireNode(node).link, 'master', bridgeName, 'up']);
  },
  stop: async (node) => await stopNode(requireNode(node)),
  start: async (node) => await startNode(requireNode(node)),
  killContainer: async (node, containerId) => {
    const first = requirePids(node, containerId).find(isFirstOfItsNamespace);
    if (first === undefined)
      throw new Error(
        `container ${containerId} on ${node} has no first process: does its pod share process namespaces?`,
      );
    process.kill(first, 'SIGKILL');
  },
  pauseContainer: async (node, containerId) => signalAll(node, containerId, 'SIGSTOP'),
  resumeContainer: async (node, containerId) => signalAll(node, containerId, 'SIGCONT'),
};

function signalAll(node: string, containerId: string, signal: NodeJS.Signals): void {
  for (const pid of requirePids(node, containerId)) unlessEnded(() => process.kill(pid, signal));
}

/** A container's processes come and go, those of its probes and scripts above all. */
function unlessEnded<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function requirePids(node: string, containerId: string): number[] {
  const pids = containerPids(requireNode(node).name, containerId.replace(/^.*:\/\//, ''));
  if (pids.length === 0) throw new Error(`container ${containerId} does not run on ${node}`);
  return pids;
}

function isFirstOfItsNamespace(pid: number): boolean {
  const status = unlessEnded(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? '';
  const ids = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
  return ids.length > 1 && ids.at(-1) === '1';
}

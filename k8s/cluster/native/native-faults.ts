import { readFileSync } from 'node:fs';
import type { NodeFaults } from '../provider.ts';
import { runCommand } from '../run-command.ts';
import { containerPids, signalIfThere } from './cgroups.ts';
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
  for (const pid of requirePids(node, containerId)) signalIfThere(pid, signal);
}

function requirePids(node: string, containerId: string): number[] {
  const pids = containerPids(requireNode(node).name, containerId.replace(/^.*:\/\//, ''));
  if (pids.length === 0) throw new Error(`container ${containerId} does not run on ${node}`);
  return pids;
}

function isFirstOfItsNamespace(pid: number): boolean {
  const ids = /^NSpid:\s+(.*)$/m.exec(readStatus(pid))?.[1]?.split(/\s+/) ?? [];
  return ids.length > 1 && ids.at(-1) === '1';
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // It has ended since it was listed, as those of probes do.
    return '';
  }
}

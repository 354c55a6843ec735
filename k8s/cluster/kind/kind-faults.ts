import type { NodeFaults } from '../provider.ts';
import { runCommand } from '../run-command.ts';

// A kind node is a container on Docker's network "kind", with containerd inside.
const network = 'kind';

export const kindFaults: NodeFaults = {
  cutNetwork: async (node) => {
    await runCommand('docker', ['network', 'disconnect', network, node]);
  },
  mendNetwork: async (node) => {
    await runCommand('docker', ['network', 'connect', network, node]);
  },
  stop: async (node) => {
    await runCommand('docker', ['kill', node]);
  },
  start: async (node) => {
    await runCommand('docker', ['start', node]);
  },
  killContainer: async (node, containerId) => {
    const template = ['--output', 'go-template', '--template', '{{.info.pid}}'];
    const pid = await runCommand('docker', ['exec', node, 'crictl', 'inspect', ...template, bareId(containerId)]);
    await runCommand('docker', ['exec', node, 'kill', '-KILL', pid.trim()]);
  },
  pauseContainer: async (node, containerId) => await task(node, 'pause', containerId),
  resumeContainer: async (node, containerId) => await task(node, 'resume', containerId),
};

async function task(node: string, verb: 'pause' | 'resume', containerId: string): Promise<void> {
  await runCommand('docker', ['exec', node, 'ctr', '--namespace', 'k8s.io', 'tasks', verb, bareId(containerId)]);
}

function bareId(containerId: string): string {
  return containerId.replace(/^.*:\/\//, '');
}

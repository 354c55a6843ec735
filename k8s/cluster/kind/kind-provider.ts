import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfigPath, stateDir } from '../paths.ts';
import { step } from '../progress.ts';
import type { ClusterProvider } from '../provider.ts';
import { runCommand, tryCommand } from '../run-command.ts';
import { kindFaults } from './kind-faults.ts';

const name = 'holdfast';

/** Kubernetes in Docker, for machines with a Docker daemon that can pull images. */
export const kindProvider: ClusterProvider = {
  name: 'kind',
  missing: async () => {
    const missing: string[] = [];
    if ((await tryCommand('docker', ['info'])) === undefined)
      missing.push('no Docker daemon answers: install and start Docker');
    if ((await tryCommand('kind', ['version'])) === undefined)
      missing.push('no kind on PATH: install it (kind.sigs.k8s.io)');
    return missing;
  },
  exists: async () => ((await tryCommand('kind', ['get', 'clusters'])) ?? '').split('\n').includes(name),
  up: async () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    if (!(await kindProvider.exists())) {
      await step('kind create cluster', async () => {
        const config = join(import.meta.dirname, 'kind.yaml');
        await runCommand('kind', [
          'create',
          'cluster',
          '--config',
          config,
          '--kubeconfig',
          kubeconfigPath,
          '--wait',
          '120s',
        ]);
      });
    }
    await step('start stopped nodes', async () => {
      const nodes = (await runCommand('kind', ['get', 'nodes', '--name', name])).trim().split('\n');
      await runCommand('docker', ['start', ...nodes]);
      await runCommand('kind', ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfigPath]);
    });
  },
  down: async () => {
    await step('kind delete cluster', async () => {
      await runCommand('kind', ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath]);
      rmSync(stateDir, { recursive: true, force: true });
    });
  },
  status: async () => {
    const nodes = (await runCommand('kubectl', ['--kubeconfig', kubeconfigPath, 'get', 'nodes', '--no-headers']))
      .trim()
      .split('\n');
    return { healthy: nodes.length >= 4 && nodes.every((line) => / Ready /.test(line)), lines: nodes };
  },
  faults: kindFaults,
};

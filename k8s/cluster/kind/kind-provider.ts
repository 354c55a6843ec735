import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { toolPath } from '../binaries.ts';
import { kubeconfigPath, stateDir } from '../paths.ts';
import { step } from '../progress.ts';
import type { ClusterProvider } from '../provider.ts';
import { runCommand, tryCommand } from '../run-command.ts';
import { kindFaults } from './kind-faults.ts';
import { kind, kindClusterExists } from './kind-program.ts';

const name = 'holdfast';

/** Kubernetes in Docker, for machines with a Docker daemon that can pull images. */
export const kindProvider: ClusterProvider = {
  name: 'kind',
  missing: async () => {
    const answers = (await tryCommand('docker', ['info'])) !== undefined;
    return answers ? [] : ['no Docker daemon answers: install and start Docker'];
  },
  exists: async () => await kindClusterExists(name),
  up: async () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    if (!(await kindProvider.exists())) {
      await step('kind create cluster', async () => {
        const config = join(import.meta.dirname, 'kind.yaml');
        await kind('create', 'cluster', '--config', config, '--kubeconfig', kubeconfigPath, '--wait', '120s').catch(
          explain,
        );
      });
    }
    await step('start stopped nodes', async () => {
      const nodes = (await kind('get', 'nodes', '--name', name)).trim().split('\n');
      await runCommand('docker', ['start', ...nodes]);
      await kind('export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfigPath);
    });
  },
  down: async () => {
    await step('kind delete cluster', async () => {
      await kind('delete', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath);
      rmSync(stateDir, { recursive: true, force: true });
    });
  },
  status: async () => {
    const nodes = (
      await runCommand(await toolPath('kubectl'), ['--kubeconfig', kubeconfigPath, 'get', 'nodes', '--no-headers'])
    )
      .trim()
      .split('\n');
    return { healthy: nodes.length >= 4 && nodes.every((line) => / Ready /.test(line)), lines: nodes };
  },
  faults: kindFaults,
};

/** kind's nodes are privileged containers, and Docker in a container that lacks a capability itself can start none. */
function explain(cause: Error): never {
  if (!cause.message.includes('unable to apply caps')) throw cause;
  throw new Error(
    'Docker may not start privileged containers here, and the nodes of kind are such: run it where Docker has all capabilities (docker run --privileged), or take --provider native',
    { cause },
  );
}

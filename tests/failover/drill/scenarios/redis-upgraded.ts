import { join } from 'node:path';
import { toolPath } from '../../../../k8s/cluster/binaries.ts';
import { kubeconfigPath } from '../../../../k8s/cluster/paths.ts';
import { runCommand } from '../../../../k8s/cluster/run-command.ts';
import type { RunningRelease } from '../../../support/cluster/running-release.ts';
import type { Scenario } from '../scenario.ts';
import { handOverLimits } from './primary-deleted.ts';

const chart = join(import.meta.dirname, '..', '..', '..', '..', 'charts', 'holdfast');

export const redisUpgraded: Scenario = {
  name: 'redis-upgraded',
  title: 'helm upgrade replaces every Redis and Sentinel, under load',
  explanation:
    'helm upgrade with a value that changes all pods of both sets: they are replaced one by one, and the primary hands over when its turn comes, perhaps more than once. The release keeps all its values. No request may fail.',
  needs: [],
  limits: handOverLimits,
  inject: async ({ release, mark }) => {
    const helm = await toolPath('helm');
    await requireSameChart(release, helm);
    await runCommand(helm, ['dependency', 'build', chart]);
    mark('fault', 'helm upgrade begins');
    const annotation = `podAnnotations.drilled-at=${new Date().toISOString()}`;
    await runCommand(
      helm,
      [
        ...['upgrade', release.name, chart, ...target(release), '--reuse-values', '--wait', '--timeout', '6m'],
        ...['redis', 'sentinel'].flatMap((set) => ['--set-string', `redis-sentinel.${set}.${annotation}`]),
      ],
      { timeoutMs: 400_000 },
    );
    mark('drill', 'helm upgrade is done');
    return undefined;
  },
};

/** @throws Error where an upgrade would bring another version than is there */
async function requireSameChart(release: RunningRelease, helm: string): Promise<void> {
  const metadata = JSON.parse(
    await runCommand(helm, ['get', 'metadata', release.name, ...target(release), '-o', 'json']),
  );
  const ours = /^version: (.+)$/m.exec(await runCommand(helm, ['show', 'chart', chart]))?.[1];
  if (metadata.chart !== 'holdfast' || metadata.version !== ours)
    throw new Error(
      `the release has chart ${metadata.chart} ${metadata.version} and this checkout holdfast ${ours}: check out the version that is installed`,
    );
}

function target({ cluster, namespace }: RunningRelease): string[] {
  const where = cluster.context === undefined ? ['--kubeconfig', kubeconfigPath] : ['--kube-context', cluster.context];
  return [...where, '--namespace', namespace];
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureProgramImage } from '../../images/program-image.ts';
import { toolPath } from '../binaries.ts';
import { cacheDir, stateDir } from '../paths.ts';
import { waitUntil } from '../wait-until.ts';
import { sandboxImage } from './containerd-config.ts';
import { ensureProcess } from './managed-process.ts';
import { registryAddress } from './topology.ts';

export const corednsImage = 'holdfast/coredns:1';
export const metricsServerImage = 'holdfast/metrics-server:1';

/** Starts the registry that all nodes pull from. What it holds outlives the cluster, so that the next one starts warm. */
export async function ensureRegistry(): Promise<void> {
  const config = JSON.stringify({
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(cacheDir, 'registry') }, delete: { enabled: true } },
    http: { addr: registryAddress },
  });
  const path = join(stateDir, 'registry.json');
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(path, config);
  await ensureProcess({
    name: 'registry',
    cgroup: 'control-plane',
    command: ['docker-registry', 'serve', path],
    config,
  });
  await waitUntil(
    'the image registry to answer',
    20_000,
    async () => (await fetch(`http://${registryAddress}/v2/`)).ok,
  );
}

/** The images that the cluster itself runs on. */
export async function ensureSystemImages(): Promise<void> {
  await ensureProgramImage(registryAddress, sandboxImage, await toolPath('pause'));
  await ensureProgramImage(registryAddress, corednsImage, await toolPath('coredns'));
  await ensureProgramImage(registryAddress, metricsServerImage, await toolPath('metrics-server'));
}

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuilt, type ToolName, toolPath } from '../binaries.ts';
import { installPrograms } from '../debian-packages.ts';
import { stateDir } from '../paths.ts';
import { step } from '../progress.ts';
import { applyAddons, ensureVolumeProvisioner, waitForAddons, waitForNodes } from './addons.ts';
import { ensureBridge } from './bridge.ts';
import { ensureCertificates } from './certificates.ts';
import { ensureApiServer, ensureControllers } from './control-plane.ts';
import { tearDown } from './down.ts';
import { applyHostSysctls } from './host-sysctls.ts';
import { deadProcesses, logsDir } from './managed-process.ts';
import { ensureNode, joinPodNetwork } from './node.ts';
import { clusterPrograms, missingForNative, probeKernel } from './prerequisites.ts';
import { ensureRegistry, ensureSystemImages } from './registry.ts';
import { bootIdPath, nodes } from './topology.ts';

const tools: readonly ToolName[] = [
  ...([
    'kubectl',
    'kube-apiserver',
    'kubelet',
    'kube-controller-manager',
    'kube-scheduler',
    'kube-proxy',
    'etcd',
  ] as const),
  ...(['coredns', 'kube-router', 'metrics-server', 'pause'] as const),
];

/** Brings the cluster to what it should be from whatever it is: absent, half made, half dead or up. */
export async function bringUp(): Promise<void> {
  await step('what the machine must offer', async () => {
    const missing = await missingForNative();
    if (missing.length > 0) throw new Error(missing.map((line) => `- ${line}`).join('\n'));
    await installPrograms(clusterPrograms);
    await probeKernel();
  });
  for (const tool of tools) {
    if (!(await isBuilt(tool))) await step(`build ${tool} (once for this machine)`, async () => await toolPath(tool));
  }
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  if (isFromAnotherBoot(bootId)) await step('clear what a restart of the machine left', tearDown);
  await step('bridge, certificates', async () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    writeFileSync(bootIdPath, bootId);
    applyHostSysctls();
    await ensureBridge();
    await ensureCertificates();
  });
  await step('image registry', async () => {
    await ensureRegistry();
    await ensureSystemImages();
  });
  await step('etcd, API server', ensureApiServer);
  await step('controllers, DNS, storage and metrics applied', async () => {
    await ensureControllers();
    await applyAddons();
    await ensureVolumeProvisioner();
  });
  await step('nodes', async () => {
    await Promise.all(nodes.map(ensureNode));
    for (const node of nodes) await joinPodNetwork(node);
    await waitForNodes(Date.now());
  });
  await step('DNS, metrics', waitForAddons);
  const dead = deadProcesses();
  if (dead.length > 0)
    throw new Error(
      `started, but not alive: ${dead.join(', ')}; why is in ${logsDir}, and running this again starts them`,
    );
}

function isFromAnotherBoot(bootId: string): boolean {
  try {
    return readFileSync(bootIdPath, 'utf8') !== bootId;
  } catch {
    return false;
  }
}

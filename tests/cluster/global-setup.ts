import type { TestProject } from 'vitest/node';
import { chooseProvider, existingProvider } from '../../k8s/cluster/choose-provider.ts';
import type { ClusterProvider } from '../../k8s/cluster/provider.ts';
import { putImages } from '../../k8s/images/put-images.ts';
import { findLeftovers, type HostState, readHostState } from '../support/cluster/host-state.ts';
import type { TestCluster } from '../support/cluster/require-cluster.ts';

interface Shared {
  readonly cluster: Promise<TestCluster>;
  /** Projects that still use it. */
  users: number;
}

// Several projects name this file, and vitest loads it anew for each: what they share is kept by the process.
const key = Symbol.for('holdfast.test-cluster');
const processWide = globalThis as { [key]?: Shared };

/** Brings the cluster up, once for all projects. */
export async function setup(project: TestProject): Promise<void> {
  processWide[key] ??= { cluster: bringUp(), users: 0 };
  processWide[key].users += 1;
  project.provide('cluster', await processWide[key].cluster);
}

/** After the last project takes it down, unless it was up before or HOLDFAST_KEEP_CLUSTER is 1. @throws Error for what is left behind. */
export async function teardown(): Promise<void> {
  const shared = processWide[key];
  if (shared === undefined) return;
  shared.users -= 1;
  // Vitest turns what is thrown here into the exit code of the run.
  if (shared.users === 0) await takeDown((await shared.cluster).hostBefore);
}

async function bringUp(): Promise<TestCluster> {
  let provider: ClusterProvider;
  try {
    provider = await chooseProvider();
  } catch (error) {
    return { state: 'skipped', reason: oneLine(error), hostBefore: undefined };
  }
  const hostBefore = (await provider.exists()) ? undefined : await readHostState();
  try {
    await provider.up();
    await putImages();
    return { state: 'up', reason: '', hostBefore };
  } catch (error) {
    // Thrown from here it would end the run, and with it every test that needs no cluster.
    return { state: 'failed', reason: oneLine(error), hostBefore };
  }
}

async function takeDown(hostBefore: HostState | undefined): Promise<void> {
  if (hostBefore === undefined || process.env['HOLDFAST_KEEP_CLUSTER'] === '1') return;
  await (await existingProvider())?.down();
  const leftovers = findLeftovers(hostBefore, await readHostState());
  if (leftovers.length > 0) throw new Error(`the cluster left on this machine:\n${leftovers.join('\n')}`);
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');
}

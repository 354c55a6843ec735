import type { TestProject } from 'vitest/node';
import { installPrograms } from '../../k8s/cluster/debian-packages.ts';
import { runCommand, tryCommand } from '../../k8s/cluster/run-command.ts';
import { requireBaseImage } from '../../k8s/images/base-images.ts';
import { buildBaseImage } from '../../k8s/images/build-base-image.ts';
import { lockImages } from '../../k8s/images/put-images.ts';
import { type ContainerEngine, containerImages } from '../support/containers/container-engine.ts';
import { type DockerDaemon, missingDaemon, startDockerDaemon } from '../support/containers/docker-daemon.ts';

let daemon: DockerDaemon | undefined;

/** Finds what runs the containers of the tests: the machine's Docker where that has the images, else a daemon of our own. */
export async function setup(project: TestProject): Promise<void> {
  project.provide('containers', await findEngine());
}

export async function teardown(): Promise<void> {
  await daemon?.[Symbol.asyncDispose]();
}

async function findEngine(): Promise<ContainerEngine> {
  if (await machineHasImages()) return { missing: '', env: {} };
  const missing = await missingDaemon();
  if (missing !== undefined)
    return { missing: `no Docker here has the images or can pull them, and ${missing}`, env: {} };
  daemon = await startDockerDaemon();
  await loadImages(daemon.url);
  return {
    missing: '',
    env: {
      DOCKER_HOST: daemon.url,
      TESTCONTAINERS_HOST_OVERRIDE: daemon.address,
      // The image that cleans up after testcontainers can't be had everywhere; here the end of the daemon is the end of all.
      TESTCONTAINERS_RYUK_DISABLED: 'true',
    },
  };
}

async function machineHasImages(): Promise<boolean> {
  const docker = async (...args: string[]) => (await tryCommand('docker', args, { timeoutMs: 60_000 })) !== undefined;
  if (!(await docker('info'))) return false;
  for (const image of containerImages) {
    if (!(await docker('image', 'inspect', image)) && !(await docker('pull', '--quiet', image))) return false;
  }
  return true;
}

/** Those of `npm run images`, from the cache or built now. */
async function loadImages(url: string): Promise<void> {
  await installPrograms(['skopeo']);
  await using _lock = await lockImages();
  for (const name of containerImages) {
    const { dir } = await buildBaseImage(requireBaseImage(name));
    const copy = ['--insecure-policy', 'copy', '--quiet', '--dest-daemon-host', url];
    await runCommand('skopeo', [...copy, `oci:${dir}`, `docker-daemon:${name}`]);
  }
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { existingProvider } from '../cluster/choose-provider.ts';
import { kind } from '../cluster/kind/kind-program.ts';
import { forgetOnNodes } from '../cluster/native/node-images.ts';
import { registryAddress } from '../cluster/native/topology.ts';
import { runCommand, tryCommand } from '../cluster/run-command.ts';
import { contentInRegistry, contentLabel, pushToRegistry } from './image-registry.ts';

/** Where the nodes of the cluster get images from. */
export interface ImageStore {
  /** Content label of the image it has under this name. */
  content(name: string): Promise<string | undefined>;
  /** @param dir an OCI image layout. */
  put(name: string, dir: string): Promise<void>;
}

/** @throws Error when no cluster is up. */
export async function requireImageStore(): Promise<ImageStore> {
  const provider = await existingProvider();
  if (provider === undefined) throw new Error('no cluster to put images into: run npm run cluster:up first');
  return provider.name === 'native' ? nativeStore : kindStore;
}

/** The registry of the native provider; a node pulls from it what its pods need. */
const nativeStore: ImageStore = {
  content: async (name) => await contentInRegistry(registryAddress, name),
  put: async (name, dir) => {
    await pushToRegistry(registryAddress, `oci:${dir}`, name);
    await forgetOnNodes(name);
  },
};

/** kind's nodes have no registry: each gets the image from Docker. */
const kindStore: ImageStore = {
  content: async (name) => {
    const label = `{{index .Config.Labels "${contentLabel}"}}`;
    return (await tryCommand('docker', ['image', 'inspect', '--format', label, name]))?.trim();
  },
  put: async (name, dir) => {
    const work = await mkdtemp(join(tmpdir(), 'holdfast-image-'));
    try {
      const archive = join(work, 'image.tar');
      await exportDockerArchive(name, dir, archive);
      await runCommand('docker', ['load', '--input', archive]);
      await kind('load', 'image-archive', archive, '--name', 'holdfast');
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};

/** Writes what `docker load` reads. */
export async function exportDockerArchive(name: string, dir: string, archive: string): Promise<void> {
  // skopeo adds to an archive that is there, or refuses to.
  await rm(archive, { force: true });
  await runCommand('skopeo', [
    '--insecure-policy',
    'copy',
    '--quiet',
    `oci:${dir}`,
    `docker-archive:${archive}:${name}`,
  ]);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, tryCommand } from '../cluster/run-command.ts';
import { type AppImage, withBuildContext } from './app-images.ts';
import type { BuiltImage } from './build-base-image.ts';
import { exportDockerArchive } from './image-store.ts';

export async function dockerAnswers(): Promise<boolean> {
  return (await tryCommand('docker', ['version', '--format', '{{.Server.Version}}'])) !== undefined;
}

/** Builds a service's image by Docker's daemon. @returns the OCI layout it wrote to `dir`. */
export async function buildWithDocker(image: AppImage, base: BuiltImage, dir: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-image-'));
  try {
    const archive = join(work, 'image.tar');
    await exportDockerArchive(base.name, base.dir, archive);
    await runCommand('docker', ['load', '--input', archive]);
    await withBuildContext(image, async (args) => {
      await runCommand('docker', ['build', '--quiet', ...args], { env: { ...process.env, DOCKER_BUILDKIT: '1' } });
    });
    await rm(archive, { force: true });
    await runCommand('docker', ['save', '--output', archive, image.name]);
    await runCommand('skopeo', ['--insecure-policy', 'copy', '--quiet', `docker-archive:${archive}`, `oci:${dir}`]);
    return dir;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

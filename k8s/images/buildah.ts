import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPrograms } from '../cluster/debian-packages.ts';
import { cacheDir } from '../cluster/paths.ts';
import { runCommand } from '../cluster/run-command.ts';
import { type AppImage, withBuildContext } from './app-images.ts';
import type { BuiltImage } from './build-base-image.ts';

// A store of our own: it shares nothing with other users of buildah, and without skip_mount_home it would stay mounted after each use.
const storeDir = join(cacheDir, 'buildah');
const mountOption = 'overlay.skip_mount_home=true';
const globalArgs = [
  ...['--root', join(storeDir, 'root'), '--runroot', join(storeDir, 'run')],
  ...['--storage-driver', 'overlay', '--storage-opt', mountOption],
];

/** Builds a service's image on `base`, without a daemon and without a registry. @returns the OCI layout it wrote to `dir`. */
export async function buildWithBuildah(image: AppImage, base: BuiltImage, dir: string): Promise<string> {
  await installPrograms(['buildah', 'skopeo']);
  await mkdir(storeDir, { recursive: true });
  const policy = join(storeDir, 'policy.json');
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  // Without it buildah makes /etc/cni, though no network is set up for a build in a chroot.
  const settings = join(storeDir, 'containers.conf');
  await writeFile(settings, `[network]\nnetwork_config_dir = ${JSON.stringify(join(storeDir, 'networks'))}\n`);
  const env = { ...process.env, CONTAINERS_CONF: settings };
  const buildah = async (...args: string[]): Promise<string> =>
    await runCommand('buildah', [...globalArgs, ...args], { env });
  const stored = `containers-storage:[overlay@${join(storeDir, 'root')}+${join(storeDir, 'run')}:${mountOption}]docker.io/library/${base.name}`;
  await runCommand('skopeo', ['--insecure-policy', 'copy', '--quiet', `oci:${base.dir}`, stored]);
  const build = ['build', '--isolation', 'chroot', '--pull=never', '--layers', '--quiet', '--signature-policy', policy];
  await withBuildContext(image, async (args) => {
    // Under a name of its own the first stage outlives the pruning below: installing packages takes most of the time.
    await buildah(...build, '--target', 'install', '--tag', `holdfast/${image.service}-install`, ...args);
    await buildah(...build, ...args);
  });
  await buildah('push', '--quiet', '--signature-policy', policy, image.name, `oci:${dir}`);
  // What a build that was interrupted has left would keep its image from being pruned. Nobody else builds: see lockImages.
  await buildah('rm', '--all');
  // The layers of former builds, which no image with a name stands on.
  await buildah('rmi', '--prune');
  return dir;
}

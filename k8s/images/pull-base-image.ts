import { access, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { installPrograms } from '../cluster/debian-packages.ts';
import { cacheDir } from '../cluster/paths.ts';
import { runCommand } from '../cluster/run-command.ts';
import type { BaseImage } from './base-images.ts';
import type { BuiltImage } from './build-base-image.ts';

/** The official image, where its registry can be reached. @throws Error where it can't. */
export async function pullBaseImage(image: BaseImage): Promise<BuiltImage> {
  await installPrograms(['skopeo']);
  const source = `docker://${image.name}`;
  const timeoutMs = 15_000;
  const digest = (
    await runCommand('skopeo', ['inspect', '--no-tags', '--format', '{{.Digest}}', source], { timeoutMs })
  ).trim();
  const dir = join(
    cacheDir,
    'images',
    `${image.name.replaceAll(/[/:]/g, '-')}-${digest.replace('sha256:', '').slice(0, 12)}`,
  );
  if (
    await access(dir).then(
      () => false,
      () => true,
    )
  ) {
    await mkdir(join(cacheDir, 'images'), { recursive: true });
    const partial = `${dir}.${process.pid}`;
    await runCommand('skopeo', ['--insecure-policy', 'copy', '--quiet', source, `oci:${partial}`]);
    await rename(partial, dir);
  }
  return { name: image.name, content: digest, dir };
}

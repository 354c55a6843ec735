import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runCommand } from '../cluster/run-command.ts';
import { contentInRegistry, contentLabel, pushToRegistry } from './image-registry.ts';
import { writeOciImage } from './oci-image.ts';

/** Puts an image of one static program under `name` in the registry, unless it is there already. @returns whether it was not */
export async function ensureProgramImage(registry: string, name: string, programPath: string): Promise<boolean> {
  const program = basename(programPath);
  // The cache names a program's directory for its version and the hash of its sources.
  const content = createHash('sha256')
    .update(basename(dirname(programPath)))
    .digest('hex');
  if ((await contentInRegistry(registry, name)) === content) return false;
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-image-'));
  try {
    await copyFile(programPath, join(dir, program));
    const layer = join(dir, 'layer.tar');
    await runCommand('tar', [
      '--create',
      `--file=${layer}`,
      '--owner=0',
      '--group=0',
      '--mode=755',
      '--mtime=@0',
      `--directory=${dir}`,
      program,
    ]);
    const image = join(dir, 'image');
    await writeOciImage(image, layer, { Entrypoint: [`/${program}`], Labels: { [contentLabel]: content } });
    await pushToRegistry(registry, `oci:${image}`, name);
    return true;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

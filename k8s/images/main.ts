import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { acquireFileLock } from '../cluster/file-lock.ts';
import { cacheDir } from '../cluster/paths.ts';
import { seconds } from '../cluster/progress.ts';
import { baseImages } from './base-images.ts';
import { buildBaseImage } from './build-base-image.ts';
import { exportDockerArchive } from './image-store.ts';
import { pullBaseImage } from './pull-base-image.ts';
import { putImages } from './put-images.ts';

const usage = `usage: main.ts [--pull]
         puts the images of auth and orders, and those they stand on, where the cluster's nodes get them; only what changed;
         prints the tag of auth and orders
         --pull: official base images from their registry instead of ones of the same names built from Debian's packages
       main.ts archive <name> <file>
         writes a base image as a file for docker load; it needs no cluster
         names: ${baseImages.map((each) => each.name).join(', ')}`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { pull: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const baseImage = values.pull ? pullBaseImage : buildBaseImage;
  const [command, name, file] = positionals;
  if (command === undefined) {
    const startedAt = performance.now();
    console.log(await putImages(baseImage));
    console.error(`images in place after ${seconds(startedAt)}`);
    return 0;
  }
  const image = baseImages.find((candidate) => candidate.name === name);
  if (command !== 'archive' || file === undefined || image === undefined) {
    console.error(usage);
    return 2;
  }
  await using _lock = await acquireFileLock(join(cacheDir, 'images.lock'), 15 * 60_000);
  const { dir } = await baseImage(image);
  await exportDockerArchive(image.name, dir, file);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    console.error(at === error ? at.message : `because: ${at.message}`);
  process.exitCode = 1;
}

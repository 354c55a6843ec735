import { parseArgs } from 'node:util';
import { seconds } from '../cluster/progress.ts';
import { services } from './app-images.ts';
import { baseImages, requireBaseImage } from './base-images.ts';
import { buildBaseImage } from './build-base-image.ts';
import { buildNamedImage } from './build-named-image.ts';
import { exportDockerArchive } from './image-store.ts';
import { pullBaseImage } from './pull-base-image.ts';
import { lockImages, putImages } from './put-images.ts';

const usage = `usage: main.ts [--pull]
         puts the images of auth and orders, and those they stand on, where the cluster's nodes get them; only what changed;
         prints the tag of auth and orders
       main.ts archive <name> <file>
         writes a base image as a file for docker load; it needs no cluster
         names: ${baseImages.map((each) => each.name).join(', ')}
       main.ts build ${services.join('|')} <name> [--push] [--owner <uid:gid>]
         builds one image under another's name, such as skaffold's IMAGE and PUSH_IMAGE; --owner: of the files in it
  --pull: official base images from their registry instead of ones of the same names built from Debian's packages`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      pull: { type: 'boolean', default: false },
      push: { type: 'boolean', default: false },
      owner: { type: 'string', default: '0:0' },
    },
    allowPositionals: true,
  });
  const makeBase = values.pull ? pullBaseImage : buildBaseImage;
  const [command, subject = '', target = ''] = positionals;
  if (command === undefined) {
    const startedAt = performance.now();
    console.log(await putImages(makeBase));
    console.error(`images in place after ${seconds(startedAt)}`);
    return 0;
  }
  if (command === 'archive' && target !== '') {
    await using _lock = await lockImages();
    const image = requireBaseImage(subject);
    await exportDockerArchive(image.name, (await makeBase(image)).dir, target);
    return 0;
  }
  const service = services.find((each) => each === subject);
  if (command === 'build' && service !== undefined && target !== '') {
    await buildNamedImage({ service, name: target, push: values.push, owner: values.owner }, makeBase);
    return 0;
  }
  console.error(usage);
  return 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    console.error(at === error ? at.message : `because: ${at.message}`);
  process.exitCode = 1;
}

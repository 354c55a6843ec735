import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireFileLock } from '../cluster/file-lock.ts';
import { cacheDir } from '../cluster/paths.ts';
import { step } from '../cluster/progress.ts';
import { type AppImage, describeAppImage, services } from './app-images.ts';
import { baseImages } from './base-images.ts';
import { type BuiltImage, buildBaseImage } from './build-base-image.ts';
import { buildWithBuildah } from './buildah.ts';
import { buildWithDocker, dockerAnswers } from './docker.ts';
import { type ImageStore, requireImageStore } from './image-store.ts';

const imagesDir = join(cacheDir, 'images');

/**
 * Puts the images of the services, and those they stand on, where the cluster's nodes get them. Only what changed is built, and
 * only what is not there is put.
 * @returns the tag that all services' images have now and had never before with other content; they have the version's tag too.
 */
export async function putImages(baseImage: typeof buildBaseImage = buildBaseImage): Promise<string> {
  const store = await requireImageStore();
  // Two runs at once would build the same things twice, and into the same places.
  await using _lock = await acquireFileLock(join(cacheDir, 'images.lock'), 15 * 60_000);
  const bases = new Map<string, BuiltImage>();
  for (const image of baseImages) {
    await step(image.name, async () => {
      const built = await baseImage(image);
      bases.set(image.name, built);
      await putIfChanged(store, image.name, built);
    });
  }
  const node = bases.get('node:24-trixie-slim');
  if (node === undefined) throw new Error('base-images.ts has no image for the Dockerfile to start from');
  const images = await Promise.all(services.map((service) => describeAppImage(service, node)));
  const tag = `dev-${createHash('sha256')
    .update(images.map(({ content }) => content).join())
    .digest('hex')
    .slice(0, 12)}`;
  for (const image of images) {
    await step(`${image.name}:${tag}`, async () => {
      const built = await buildAppImage(image, node);
      for (const each of [tag, await workspaceVersion()]) await putIfChanged(store, `${image.name}:${each}`, built);
    });
  }
  return tag;
}

async function putIfChanged(store: ImageStore, name: string, { content, dir }: BuiltImage): Promise<void> {
  if ((await store.content(name)) !== content) await store.put(name, dir);
}

async function buildAppImage(image: AppImage, node: BuiltImage): Promise<BuiltImage> {
  const prefix = `${image.name.replace('/', '-')}-`;
  const dir = join(imagesDir, `${prefix}${image.content.slice(0, 12)}`);
  if (
    await access(dir).then(
      () => false,
      () => true,
    )
  ) {
    await mkdir(imagesDir, { recursive: true });
    const partial = `${dir}.partial`;
    await rm(partial, { recursive: true, force: true });
    await ((await dockerAnswers()) ? buildWithDocker : buildWithBuildah)(image, node, partial);
    // Of what is edited all day only the last is kept here.
    const former = (await readdir(imagesDir)).filter(
      (name) => name.startsWith(prefix) && join(imagesDir, name) !== partial,
    );
    for (const name of former) await rm(join(imagesDir, name), { recursive: true });
    await rename(partial, dir);
  }
  return { name: image.name, content: image.content, dir };
}

/** The charts' default tag. */
async function workspaceVersion(): Promise<string> {
  const manifest = await readFile(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

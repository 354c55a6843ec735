import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireFileLock } from '../cluster/file-lock.ts';
import { cacheDir } from '../cluster/paths.ts';
import { step } from '../cluster/progress.ts';
import { type AppImage, describeAppImage, services } from './app-images.ts';
import { type BaseImage, baseImages, requireBaseImage } from './base-images.ts';
import { type BuiltImage, buildBaseImage } from './build-base-image.ts';
import { buildWithBuildah } from './buildah.ts';
import { buildWithDocker, dockerAnswers } from './docker.ts';
import { type ImageStore, requireImageStore } from './image-store.ts';

const imagesDir = join(cacheDir, 'app-images');
const checkout = createHash('sha256')
  .update(import.meta.dirname)
  .digest('hex')
  .slice(0, 8);

/** What the Dockerfile starts from. */
export const appBase = 'node:24-trixie-slim';

export type MakeBaseImage = (image: BaseImage) => Promise<BuiltImage>;

/** Two runs at once would build the same things twice, and into the same places. */
export async function lockImages(): Promise<AsyncDisposable> {
  return await acquireFileLock(join(cacheDir, 'images.lock'), 15 * 60_000);
}

/**
 * Puts the images of the services, and those they stand on, where the cluster's nodes get them. Only what changed is built, and
 * only what is not there is put.
 * @returns the tag that the services' images have with this content and no other; they have the workspace's version as a tag too.
 */
export async function putImages(makeBase: MakeBaseImage = buildBaseImage): Promise<string> {
  const store = await requireImageStore();
  await using _lock = await lockImages();
  for (const image of baseImages) {
    await step(image.name, async () => await putIfChanged(store, image.name, await makeBase(image)));
  }
  const { base, images, tag } = await describeAppImages(makeBase);
  const tags = [tag, await workspaceVersion()];
  for (const image of images) {
    await step(`${image.name}:${tag}`, async () => {
      const names = tags.map((each) => `${image.name}:${each}`);
      const present = await Promise.all(names.map((name) => store.content(name)));
      if (present.every((content) => content === image.content)) return;
      await withAppImage(image, base, async (dir) => {
        for (const name of names) await putIfChanged(store, name, { name, content: image.content, dir });
      });
    });
  }
  return tag;
}

/** The tag that {@link putImages} gives, of images that are in place already. */
export async function appImagesTag(): Promise<string> {
  return (await describeAppImages(buildBaseImage)).tag;
}

async function describeAppImages(
  makeBase: MakeBaseImage,
): Promise<{ base: BuiltImage; images: AppImage[]; tag: string }> {
  const base = await makeBase(requireBaseImage(appBase));
  const images = await Promise.all(services.map((service) => describeAppImage(service, base)));
  const contents = images.map(({ content }) => content).join();
  return { base, images, tag: `dev-${createHash('sha256').update(contents).digest('hex').slice(0, 12)}` };
}

/** Builds a service's image, or has it still, and hands it over as an OCI layout in `dir`. */
export async function withAppImage(
  image: AppImage,
  base: BuiltImage,
  use: (dir: string) => Promise<void>,
): Promise<void> {
  const prefix = `${checkout}-${image.service}-${image.owner.replace(':', '-')}-`;
  const dir = join(imagesDir, `${prefix}${image.content.slice(0, 12)}`);
  if (!existsSync(dir)) {
    await mkdir(imagesDir, { recursive: true });
    // Of what is edited all day only the last is kept here, for each checkout: two would take turns building.
    for (const name of await readdir(imagesDir)) {
      if (name.startsWith(prefix)) await rm(join(imagesDir, name), { recursive: true });
    }
    const partial = `${dir}.partial`;
    await ((await dockerAnswers()) ? buildWithDocker : buildWithBuildah)(image, base, partial);
    await rename(partial, dir);
  }
  await use(dir);
}

async function putIfChanged(store: ImageStore, name: string, { content, dir }: BuiltImage): Promise<void> {
  if ((await store.content(name)) !== content) await store.put(name, dir);
}

/** The charts' default tag. */
async function workspaceVersion(): Promise<string> {
  const manifest = await readFile(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

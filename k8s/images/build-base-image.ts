import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPrograms } from '../cluster/debian-packages.ts';
import { cacheDir } from '../cluster/paths.ts';
import { runCommand } from '../cluster/run-command.ts';
import { type BaseImage, debianSuite } from './base-images.ts';
import { contentLabel } from './image-registry.ts';
import { writeOciImage } from './oci-image.ts';

const npmVersion = '11.21.2';
const imagesDir = join(cacheDir, 'images');
const filesDir = join(import.meta.dirname, 'files');

export interface BuiltImage {
  readonly name: string;
  /** Changes with whatever the image is made from. */
  readonly content: string;
  /** An OCI image layout. */
  readonly dir: string;
}

/** The image from the cache, or made from Debian's packages. Delete the cache's images/ to get newer packages. */
export async function buildBaseImage(image: BaseImage): Promise<BuiltImage> {
  const content = await contentOf(image);
  const prefix = `${image.name.replaceAll(/[/:]/g, '-')}-`;
  const dir = join(imagesDir, `${prefix}${content.slice(0, 12)}`);
  const built = { name: image.name, content, dir };
  if (
    await access(dir).then(
      () => true,
      () => false,
    )
  )
    return built;
  await installPrograms(['mmdebstrap', 'skopeo']);
  const work = await mkdtemp(join(tmpdir(), 'holdfast-image-'));
  try {
    const layer = join(work, 'layer.tar');
    await makeRoot(image, work, layer);
    await mkdir(imagesDir, { recursive: true });
    const partial = `${dir}.${process.pid}`;
    await writeOciImage(partial, layer, { ...image.config, Labels: { [contentLabel]: content } });
    for (const former of await readdir(imagesDir)) {
      if (former.startsWith(prefix) && join(imagesDir, former) !== partial)
        await rm(join(imagesDir, former), { recursive: true });
    }
    await rename(partial, dir);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return built;
}

async function contentOf(image: BaseImage): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([image, debianSuite, npmVersion]));
  if (image.withNode === true) hash.update(process.version);
  for (const file of (await readdir(filesDir)).sort()) hash.update(file).update(await readFile(join(filesDir, file)));
  return hash.digest('hex');
}

async function makeRoot(image: BaseImage, work: string, tar: string): Promise<void> {
  const hooks: string[] = [];
  const hook = async (stage: 'essential' | 'customize', name: string, text: string): Promise<void> => {
    const path = join(work, name);
    await writeFile(path, `#!/bin/sh\nset -eu\nFILES=${filesDir}\nWORK=${work}\n${text}\n`, { mode: 0o755 });
    hooks.push(`--${stage}-hook=${path} "$1"`);
  };
  if (image.beforePackages !== undefined) await hook('essential', 'before', image.beforePackages);
  if (image.withNode === true) await hook('customize', 'node', await prepareNode(work));
  await hook('customize', 'after', image.afterPackages);
  const unread = ['doc', 'info', 'lintian', 'locale', 'man'].map((dir) => `--dpkgopt=path-exclude=/usr/share/${dir}/*`);
  await runCommand('mmdebstrap', [
    ...['--quiet', '--variant=minbase', `--include=${image.packages.join(',')}`, ...unread, ...hooks, debianSuite, tar],
  ]);
}

/** The official binary is the one we run: npm's package `node` carries it. */
async function prepareNode(work: string): Promise<string> {
  await copyFile(process.execPath, join(work, 'node-binary'));
  await runCommand('npm', ['pack', '--silent', `npm@${npmVersion}`, '--pack-destination', work], { cwd: work });
  return `
    install -m 755 "$WORK/node-binary" "$1/usr/local/bin/node"
    mkdir -p "$1/usr/local/lib/node_modules"
    tar --extract --no-same-owner --file "$WORK/npm-${npmVersion}.tgz" --directory "$1/usr/local/lib/node_modules"
    mv "$1/usr/local/lib/node_modules/package" "$1/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"`;
}

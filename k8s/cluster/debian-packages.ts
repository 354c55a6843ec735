import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { runCommand, tryCommand } from './run-command.ts';

// A program that must be there, and the Debian package that brings it.
const packageOf = {
  buildah: 'buildah',
  chromium: 'chromium',
  conntrack: 'conntrack',
  containerd: 'containerd',
  'docker-registry': 'docker-registry',
  ip: 'iproute2',
  ipset: 'ipset',
  iptables: 'iptables',
  mmdebstrap: 'mmdebstrap',
  openssl: 'openssl',
  pgbouncer: 'pgbouncer',
  runc: 'runc',
  skopeo: 'skopeo',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
} as const;

export type DebianProgram = keyof typeof packageOf;

/** Names of the packages that the missing ones of these programs are in. */
export async function missingPackages(programs: readonly DebianProgram[]): Promise<string[]> {
  const missing = await Promise.all(
    programs.map(async (program) => ((await isInstalled(program)) ? [] : [packageOf[program]])),
  );
  return missing.flat();
}

/** Installs what is missing where that is ours to do. @throws Error with the command to run where it isn't. */
export async function installPrograms(programs: readonly DebianProgram[]): Promise<void> {
  const packages = await missingPackages(programs);
  if (packages.length === 0) return;
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  if (process.getuid?.() !== 0 || (await tryCommand('apt-get', ['--version'])) === undefined) {
    throw new Error(`missing programs; run: sudo apt-get ${install.join(' ')}`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runCommand('apt-get', ['update', '-qq'], { env });
  await runCommand('apt-get', install, { env });
  await disableServices(packages);
}

/** Where systemd runs, Debian starts these services at installation; we start our own and nobody asked for those. */
async function disableServices(packages: readonly string[]): Promise<void> {
  if ((await tryCommand('systemctl', ['is-system-running', '--wait'], { timeoutMs: 5_000 })) === undefined) return;
  for (const service of packages.filter((name) => ['containerd', 'docker-registry', 'pgbouncer'].includes(name))) {
    await tryCommand('systemctl', ['disable', '--now', service]);
  }
}

async function isInstalled(program: string): Promise<boolean> {
  const dirs = program.startsWith('/') ? [''] : [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = await Promise.all(
    dirs.map((dir) =>
      access(join(dir, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

import { rm, writeFile } from 'node:fs/promises';
import { runCommand, tryCommand } from '../../../k8s/cluster/run-command.ts';

const packageOf = { promtool: 'prometheus', shellcheck: 'shellcheck' } as const;

/**
 * Makes sure that a Debian program is there, and installs its package where that is ours to do, without starting a service.
 *
 * @returns its name, to run it by
 * @throws Error with the command to run
 */
export async function requireProgram(program: keyof typeof packageOf): Promise<string> {
  if ((await tryCommand(program, ['--version'])) !== undefined) return program;
  const install = ['install', '-y', '-qq', '--no-install-recommends', packageOf[program]];
  if (process.getuid?.() !== 0 || (await tryCommand('apt-get', ['--version'])) === undefined)
    throw new Error(`${program} is missing; run: sudo apt-get ${install.join(' ')}`);
  // Debian asks this program before it starts a service. One that is there already is its owner's decision.
  const policy = '/usr/sbin/policy-rc.d';
  const made = await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).then(
    () => true,
    () => false,
  );
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await runCommand('apt-get', ['update', '-qq'], { env });
    await runCommand('apt-get', install, { env });
  } finally {
    if (made) await rm(policy);
  }
  return program;
}

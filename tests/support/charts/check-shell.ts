import { runCommand } from '../../../k8s/cluster/run-command.ts';
import { requireProgram } from './require-program.ts';

/** @throws Error with what shellcheck found in the scripts */
export async function checkShell(...scripts: string[]): Promise<void> {
  await runCommand(await requireProgram('shellcheck'), ['--external-sources', '--shell=sh', ...scripts]);
}

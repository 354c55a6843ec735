import { isBuilt, toolPath } from '../binaries.ts';
import { runCommand } from '../run-command.ts';

/** Runs kind in the version that go/kind pins; the first call on a machine builds it, which takes seconds. */
export async function kind(...args: string[]): Promise<string> {
  return await runCommand(await toolPath('kind'), args);
}

/** Whether a kind cluster of that name is there. Where kind was never built there is none, and it is not built to find out. */
export async function kindClusterExists(name: string): Promise<boolean> {
  if (!(await isBuilt('kind'))) return false;
  const names = await kind('get', 'clusters').catch(() => '');
  return names.split('\n').includes(name);
}

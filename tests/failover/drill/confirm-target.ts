import { createInterface } from 'node:readline/promises';
import type { DrillArguments } from './drill-arguments.ts';

/**
 * Asks at the terminal before anything is broken in a cluster that is not the project's own.
 * @throws Error where the answer is another than the context's name, or nobody can be asked
 */
export async function confirmTarget(
  { context, namespace, release, scenarios, yes }: DrillArguments,
  { stdin, stdout }: { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream } = process,
): Promise<void> {
  if (context === undefined || yes) return;
  const faults = scenarios.map(({ title }) => `  - ${title}`).join('\n');
  const what = `This breaks release ${release} in namespace ${namespace} of context ${context}, on purpose:\n${faults}\n`;
  if (!stdin.isTTY) throw new Error(`${what}There is no terminal to ask at: give --yes when that is what you want.`);
  const terminal = createInterface({ input: stdin, output: stdout });
  try {
    const answer = await terminal.question(`${what}Type the name of the context to go on: `);
    if (answer.trim() !== context) throw new Error('Nothing was touched.');
  } finally {
    terminal.close();
  }
}

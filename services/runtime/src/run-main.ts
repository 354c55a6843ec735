import { ConfigError } from './config-error.ts';
import { StartError } from './start-error.ts';

/**
 * Runs a service's `main` and ends the process with 1 when it fails to start. What the operator can mend is one message
 * on stderr; anything else is a defect and keeps its stack.
 */
export async function runMain(main: () => Promise<unknown>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const plain = error instanceof ConfigError || error instanceof StartError;
    process.stderr.write(`${plain ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  }
}

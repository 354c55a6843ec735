import { ConfigError } from './config-error.ts';
import { StartError } from './start-error.ts';

/**
 * Runs a service's `main` and ends the process with 1 when it fails to start. What the operator can mend is one message
 * on stderr; anything else is a defect and keeps its stack. Of a defect at any later time nothing more is printed than that:
 * Node itself would add the error's properties, and one of a malformed URL is the URL.
 */
export async function runMain(main: () => Promise<unknown>): Promise<void> {
  process.on('uncaughtException', end);
  try {
    await main();
  } catch (error) {
    end(error);
  }
}

function end(error: unknown): never {
  const plain = error instanceof ConfigError || error instanceof StartError;
  const text = error instanceof Error ? error.stack : 'a value that is no Error was thrown';
  process.stderr.write(`${plain ? error.message : text}\n`);
  process.exit(1);
}

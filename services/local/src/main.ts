import { mkdir } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { watchParent } from '../watch-parent.mjs';
import { describePlatform } from './describe-platform.ts';
import { helpText } from './help-text.ts';
import { lockFolder } from './lock-folder.ts';
import { Platform } from './platform.ts';
import { parseLayout } from './platform-layout.ts';
import { runDemo } from './run-demo.ts';
import { StartError } from './start-error.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);

/** `npm start`: the whole platform as processes of this machine, until it is told to stop. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    say(helpText());
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--demo');
  if (unknown !== undefined) throw new StartError(`${unknown} is not known: see \`npm start -- --help\`.`);
  const layout = parseLayout(process.env);
  const folder = resolve(process.env['HOLDFAST_STATE_DIR'] || '.holdfast');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await lockFolder(folder);
  const platform = await Platform.create({ folder, layout, supervise: true, log: (text) => say(`[platform] ${text}`) });
  const started = platform.start();
  if ((await Promise.race([started.then(() => 'started'), told])) === 'started') {
    say(describePlatform(platform, relative(process.cwd(), folder) || '.'));
    say('ready');
    if (args.includes('--demo')) {
      const lost = await Promise.race([runDemo(platform, say), told.then(() => 'told to stop')]);
      await platform.stop();
      if (lost !== undefined) say(`demo: ${lost}`);
      return lost === undefined ? 0 : 1;
    }
    await told;
  }
  say('stopping');
  await platform.stop();
  await started.catch(() => {});
  say('stopped');
  return 0;
}

/**
 * Ctrl-C reaches us from the terminal, and once more from whoever runs us: every signal after the first finds the stop
 * under way. Under npm we also stop when the process that runs us is gone, for nobody could tell us any more.
 */
function untilToldToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    if (process.env['npm_lifecycle_event'] !== undefined) watchParent(() => resolve('orphaned'));
  });
}

// From the first moment on: who told us, or was killed, before there was anything to stop does not come back to see to it.
const told = untilToldToStop();

// A terminal that is closed takes its output along, and must not cut the stop short.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const text = error instanceof StartError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

import { spawnSync } from 'node:child_process';

/** `npm run check`: lint and formatting, then types. `npm run check -- --fix` mends what can be mended. */
const fix = process.argv.includes('--fix') ? ['--write'] : [];
const checks = [
  ['biome', 'check', '--error-on-warnings', ...fix],
  ['tsc', '--noEmit'],
];
for (const [command, ...args] of checks) {
  const { status } = spawnSync(command as string, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

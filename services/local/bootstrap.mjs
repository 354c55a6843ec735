// Makes a fresh clone able to run, then runs the command it is given under the pinned Node:
//
//   node services/local/bootstrap.mjs node services/local/src/main.ts
//
// Plain JavaScript on purpose: it is what runs before Node 24 and the dependencies are there, on any Node >= 20.
// When nothing is missing it only compares a stamp and looks for three programs.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { watchParent } from './watch-parent.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const stampFile = join(root, 'node_modules', '.holdfast-installed');
const say = (text) => process.stderr.write(`bootstrap: ${text}\n`);

class SetupError extends Error {}

/** Runs a step whose output matters only when it fails. */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  if (result.error) throw new SetupError(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0) {
    const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
    throw new SetupError(`\`${command} ${args.join(' ')}\` failed with exit code ${result.status}:\n${output}`);
  }
  return result.stdout;
}

function installNodePackages() {
  const inputs = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'];
  for (const name of readdirSync(join(root, 'services'))) inputs.push(join('services', name, 'package.json'));
  const hash = createHash('sha256');
  for (const file of inputs.sort())
    if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  const stamp = hash.digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;

  const pnpm = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;
  say(`installing the packages with ${pnpm} (once)`);
  const frozen = existsSync(join(root, 'pnpm-lock.yaml')) ? '--frozen-lockfile' : '--no-frozen-lockfile';
  run('npx', ['--yes', pnpm, 'install', frozen, '--prefer-offline'], { env: { ...process.env, CI: 'true' } });
  writeFileSync(stampFile, stamp);
}

/** The programs the platform needs, each with the Debian package that has it. */
const debianPrograms = [
  { program: 'redis-server', package: 'redis-server', found: () => onPath('redis-server') },
  { program: 'redis-cli', package: 'redis-tools', found: () => onPath('redis-cli') },
  { program: 'postgres', package: 'postgresql', found: () => onPath('postgres') || debianPostgres() },
];

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function debianPostgres() {
  const folder = '/usr/lib/postgresql';
  return (
    existsSync(folder) && readdirSync(folder).some((version) => existsSync(join(folder, version, 'bin', 'postgres')))
  );
}

function installDebianPackages() {
  const missing = debianPrograms.filter((entry) => !entry.found());
  if (missing.length === 0) return;
  const packages = missing.map((entry) => entry.package);
  const remedy = `apt-get install ${packages.join(' ')}`;
  if (!onPath('apt-get') || process.getuid?.() !== 0) {
    const names = missing.map((entry) => entry.program).join(', ');
    throw new SetupError(`${names} not found. Install them first: on Debian or Ubuntu \`sudo ${remedy}\`.`);
  }
  say(`installing Debian packages: ${packages.join(' ')} (once)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Only the programs are wanted: Debian would start a Redis and a PostgreSQL of its own on their default ports.
  const policy = '/usr/sbin/policy-rc.d';
  const ownPolicy = !existsSync(policy);
  if (ownPolicy) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    run('apt-get', ['update', '-q'], { env });
    run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], { env });
  } finally {
    if (ownPolicy) rmSync(policy, { force: true });
  }
}

function runCommand([command, ...args]) {
  const bins = [join(root, 'node_modules', 'node', 'bin'), join(root, 'node_modules', '.bin')];
  const env = { ...process.env, PATH: [...bins, process.env.PATH ?? ''].join(delimiter) };
  let child;
  const tell = (signal) => child.kill(signal);
  // A terminal sends Ctrl-C to the child as well, `kill` does not: a command must bear to be told twice. We listen before there is
  // a child: a signal between the two would end us alone, and nobody would be left to tell it.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, tell);
  child = spawn(command, args, { cwd: root, env, stdio: 'inherit' });
  // npm passes signals on (package.json has us take the place of the shell, which would not), but can be killed outright.
  if (process.env.npm_lifecycle_event !== undefined) watchParent(() => tell('SIGTERM'));
  child.on('error', (error) => {
    say(`${command} could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

try {
  installNodePackages();
  installDebianPackages();
  runCommand(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exit(1);
}

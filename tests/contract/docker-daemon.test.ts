import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { cgroupHierarchies } from '../../k8s/cluster/native/cgroups.ts';
import { runCommand, tryCommand } from '../../k8s/cluster/run-command.ts';
import { missingDaemon, startDockerDaemon } from '../support/containers/docker-daemon.ts';
import { pollUntil } from '../support/poll-until.ts';

const daemonModule = join(import.meta.dirname, '..', 'support', 'containers', 'docker-daemon.ts');

test('a Docker daemon of the tests changes nothing of the machine but one link, which goes with it', async (context) => {
  await requireDaemon(context);
  const before = await readMachine();
  let link = '';
  const daemon = await startDockerDaemon();
  try {
    link = (await linkTo(daemon.address)) ?? '';
    expect(link).toMatch(/^hf-docker-/);
    // Docker's own rules would let no frame pass between the nodes of a cluster.
    expect(await readMachine()).toEqual(before);
    const inside = await runCommand('nsenter', [...(await enter(daemon.url)), 'iptables', '-w', '-S', 'FORWARD']);
    expect(inside).toContain('-P FORWARD DROP');
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
  expect(await readMachine()).toEqual(before);
  expect(existsSync(`/sys/class/net/${link}`)).toBe(false);
  expect(findCgroups()).toEqual([]);
  expect(existsSync(daemon.url.replace('unix://', ''))).toBe(false);
});

test('a test run that is killed takes its Docker daemon with it', async (context) => {
  await requireDaemon(context);
  const program = `const { startDockerDaemon } = await import(${JSON.stringify(daemonModule)});
    console.log((await startDockerDaemon()).url);
    setInterval(() => {}, 60_000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(owner.stdout, 'data');
  const url = String(said).trim();
  expect(findDaemons(url)).not.toEqual([]);
  owner.kill('SIGKILL');
  await pollUntil('the daemon to end', 10_000, async () => findDaemons(url).length === 0);
  await rm(dirname(url.replace('unix://', '')), { recursive: true });
});

async function requireDaemon(context: TestContext): Promise<void> {
  const missing = await missingDaemon();
  if (missing !== undefined) context.skip(missing);
}

async function readMachine() {
  const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');
  const links = linesOf(await runCommand('ip', ['-brief', 'link'])).map((line) => line.split(/[\s@]/)[0] ?? '');
  const firewall = ['filter', 'nat'].map((table) => tryCommand('iptables', ['-w', '-t', table, '-S']));
  return {
    // A cluster or another run beside this one has links that come and go.
    links: links.filter((link) => !/^(hf-|veth)/.test(link)),
    firewall: await Promise.all(firewall),
    forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'),
    mounts: linesOf(readFileSync('/proc/self/mounts', 'utf8')).filter((line) => line.includes('holdfast-docker')),
  };
}

/** Those of the daemons of this process. */
function findCgroups(): string[] {
  return cgroupHierarchies()
    .map(({ path }) => join(path, `tests-docker-${process.pid}`))
    .filter((path) => existsSync(path));
}

async function linkTo(address: string): Promise<string | undefined> {
  return /dev (\S+)/.exec(await runCommand('ip', ['route', 'get', address]))?.[1];
}

async function enter(url: string): Promise<string[]> {
  const [pid] = findDaemons(url);
  return [`--target=${pid}`, '--net', '--'];
}

/** Processes whose command line has this in it and that have a network of their own. */
function findDaemons(url: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return command.includes(url) && readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net');
      } catch {
        // It ended while we looked.
        return false;
      }
    });
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, rmdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { installPrograms } from '../../../k8s/cluster/debian-packages.ts';
import { cgroupHierarchies } from '../../../k8s/cluster/native/cgroups.ts';
import { runCommand, tryCommand } from '../../../k8s/cluster/run-command.ts';
import { waitUntil } from '../../../k8s/cluster/wait-until.ts';
import { createTemporaryFolder } from '../temporary-folder.ts';
import { missingDockerd, requireDockerd } from './dockerd-program.ts';

export interface DockerDaemon extends AsyncDisposable {
  /** As DOCKER_HOST takes it. */
  readonly url: string;
  /** Where the ports that its containers publish are reached. */
  readonly address: string;
}

// The daemon has its own network, mount and process namespaces: the links, firewall rules, forwarding policy and mounts it makes are there
// and not on the machine, and the kernel removes them, and every container, with the first process in there.
const enterNetwork = `
link=$1; address=$2; owner=$3; shift 3
ip link set lo up
ip link add eth0 type veth peer name "$link" netns "$owner"
ip address add "$address/30" dev eth0
ip link set eth0 up
exec unshare --mount --pid --fork --kill-child --mount-proc sh -ec "$0" sh "$@"`;
const enterMounts = `
mount -t tmpfs tmpfs /run
exec "$@"`;

/** Why no daemon can be started here; undefined when one can. */
export async function missingDaemon(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `Docker's daemon runs on Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "only root may start Docker's daemon; run the tests with sudo, or start Docker";
  // A root that is one in a container only may not do all of this.
  const probe = 'mount -t tmpfs tmpfs /run && ip link add type veth && iptables -w -t nat -L';
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--mount-proc'];
  await installPrograms(['ip', 'iptables']).catch(() => undefined);
  if ((await tryCommand('unshare', [...namespaces, 'sh', '-c', probe])) === undefined)
    return `this root may not set up a network of its own; what failed is: unshare ${namespaces.join(' ')} sh -c '${probe}'`;
  return await missingDockerd();
}

/** A daemon with no containers and no images. It ends with this process, however that ends. */
export async function startDockerDaemon(): Promise<DockerDaemon> {
  await installPrograms(['containerd', 'runc', 'iptables', 'ip']);
  const { path, env } = await requireDockerd();
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await createTemporaryFolder('docker'));
  const [socket, log, config] = ['docker.sock', 'log', 'daemon.json'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  const url = `unix://${socket}`;
  // Not the machine's own /etc/docker/daemon.json.
  await writeFile(config, '{}');
  const { link, host, inside } = await freeLink();
  const cgroup = `tests-docker-${process.pid}`;
  const output = openSync(log, 'a');
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--net', 'sh', '-ec', enterNetwork, enterMounts],
      ...[link, inside, String(process.pid), path, '--host', url, '--config-file', config],
      ...['--data-root', join(folder.path, 'data'), '--exec-root', '/run/docker', '--pidfile', '/run/docker.pid'],
      ...['--bip', '198.19.250.1/24', '--default-address-pool', 'base=198.19.128.0/18,size=26', '--ip', inside],
      ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${cgroup}`],
    ],
    { env, stdio: ['ignore', output, output] },
  );
  closeSync(output);
  cleanup.defer(async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    await waitUntil(`link ${link} to go`, 10_000, () => !existsSync(`/sys/class/net/${link}`));
    await waitUntil(`cgroup ${cgroup} to go`, 10_000, () => removeCgroup(cgroup));
  });
  const said = async () => (await readFile(log, 'utf8')).trim().split('\n').slice(-5).join('\n');
  await waitUntil('the link to Docker’s network', 10_000, () => existsSync(`/sys/class/net/${link}`), 20);
  await runCommand('ip', ['address', 'add', `${host}/30`, 'dev', link]);
  await runCommand('ip', ['link', 'set', link, 'up']);
  await waitUntil('Docker’s daemon', 30_000, () => child.exitCode !== null || answers(socket), 50);
  if (child.exitCode !== null) throw new Error(`${path} ended with ${child.exitCode}:\n${await said()}`);
  const owned = cleanup.move();
  return { url, address: inside, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

/** A name and two addresses that no link of this machine has, from 198.19.252.0/22 in the range of RFC 2544. */
async function freeLink(): Promise<{ link: string; host: string; inside: string }> {
  const used = await runCommand('ip', ['-brief', 'address']);
  for (let tried = 0; tried < 256; tried += 1) {
    const index = (process.pid + tried) % 256;
    const network = `198.19.${252 + (index >> 6)}`;
    const first = (index & 63) * 4;
    const [link, host, inside] = [`hf-docker-${index}`, `${network}.${first + 1}`, `${network}.${first + 2}`];
    if (!used.includes(`${link} `) && !used.includes(`${link}@`) && !used.includes(`${host}/`))
      return { link, host, inside };
  }
  throw new Error('no address is free for a Docker daemon: remove the links hf-docker-* (ip link del)');
}

async function answers(socketPath: string): Promise<boolean> {
  const ping = request({ socketPath, path: '/_ping' });
  ping.end();
  const [response] = await once(ping, 'response');
  response.resume();
  return response.statusCode === 200;
}

/** @returns whether all of it is gone */
function removeCgroup(name: string): boolean {
  const roots = cgroupHierarchies()
    .map(({ path }) => join(path, name))
    .filter((path) => existsSync(path));
  for (const root of roots) {
    const below = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
    const paths = [root, ...below.map((entry) => join(entry.parentPath, entry.name))];
    // Deepest first; one whose last process has just ended is busy for a moment, and is tried again.
    for (const path of paths.toSorted((a, b) => b.length - a.length)) rmdirSync(path);
  }
  return true;
}

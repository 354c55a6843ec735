import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { ProcessIdentity } from '../process-identity.ts';
import { runCommand, tryCommand } from '../run-command.ts';
import { waitUntil } from '../wait-until.ts';
import { cniConfigPath } from './node-processes.ts';
import { bridgeName, type ClusterNode, nodePrefixLength, serviceCidr } from './topology.ts';

/** Runs a program in a node's network namespace, with the host's files. */
export async function inNodeNetwork(holder: ProcessIdentity, command: readonly string[]): Promise<string> {
  return await runCommand('nsenter', [`--target=${holder.pid}`, '--net', '--', ...command]);
}

/** Gives the node its one link, its address and what its kernel needs to route for pods. No default route: nothing leaves. */
export async function ensureNodeLink(node: ClusterNode, holder: ProcessIdentity): Promise<void> {
  if (
    (await tryCommand('nsenter', [`--target=${holder.pid}`, '--net', '--', 'ip', 'link', 'show', 'eth0'])) === undefined
  ) {
    // A link of that name can only be an earlier holder's, which the kernel has not finished taking down.
    await waitUntil(`the former link ${node.link} to go`, 10_000, async () => {
      if ((await tryCommand('ip', ['link', 'show', node.link])) === undefined) return true;
      await tryCommand('ip', ['link', 'del', node.link]);
      return false;
    });
    const peer = ['peer', 'name', 'eth0', 'address', node.mac, 'netns', String(holder.pid)];
    await runCommand('ip', ['link', 'add', node.link, 'type', 'veth', ...peer]);
  }
  await runCommand('ip', ['link', 'set', node.link, 'master', bridgeName, 'up']);
  const inNode = async (...command: string[]): Promise<string> => await inNodeNetwork(holder, command);
  await inNode('ip', 'link', 'set', 'lo', 'up');
  await inNode('ip', 'addr', 'replace', `${node.ip}/${nodePrefixLength}`, 'dev', 'eth0');
  await inNode('ip', 'link', 'set', 'eth0', 'up');
  // kube-proxy rewrites Service addresses only after a route was found for them.
  await inNode('ip', 'route', 'replace', serviceCidr, 'dev', 'eth0');
  // Pods of one node talk over its bridge; their frames too must meet kube-proxy's and the policies' rules.
  const sysctls = [
    'net.ipv4.ip_forward=1',
    'net.bridge.bridge-nf-call-iptables=1',
    'net.bridge.bridge-nf-call-ip6tables=1',
  ];
  await inNode(
    'sh',
    '-c',
    sysctls
      .map((each) => `echo ${each.replace(/.*=/, '')} > /proc/sys/${each.replace(/=.*/, '').replaceAll('.', '/')}`)
      .join(' && '),
  );
}

/** Tells containerd which addresses this node's pods get. */
export function writeCniConfig(node: ClusterNode, podCidrOfNode: string): void {
  const config = JSON.stringify(
    {
      cniVersion: '0.4.0',
      name: 'holdfast',
      plugins: [
        {
          type: 'bridge',
          bridge: 'cni0',
          isGateway: true,
          ipMasq: false,
          hairpinMode: true,
          ipam: { type: 'host-local', ranges: [[{ subnet: podCidrOfNode }]], routes: [{ dst: '0.0.0.0/0' }] },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  );
  const path = cniConfigPath(node);
  if (!existsSync(path) || readFileSync(path, 'utf8') !== config) writeFileSync(path, config);
}

/** From the host and every other node to this node's pods. */
export async function ensurePodRoutes(
  node: ClusterNode,
  podCidrOfNode: string,
  otherHolders: readonly ProcessIdentity[],
): Promise<void> {
  const route = ['ip', 'route', 'replace', podCidrOfNode, 'via', node.ip];
  await runCommand('ip', route.slice(1));
  await Promise.all(otherHolders.map((holder) => inNodeNetwork(holder, route)));
}

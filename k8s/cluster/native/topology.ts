import { join } from 'node:path';
import { stateDir } from '../paths.ts';

// All addresses are from 198.18.0.0/15, which RFC 2544 keeps for benchmarks: no real network is ever hidden by ours.
export const podCidr = '198.18.0.0/16';
export const serviceCidr = '198.19.0.0/20';
export const apiServiceIp = '198.19.0.1';
export const dnsServiceIp = '198.19.0.10';
export const hostIp = '198.19.240.1';
export const nodePrefixLength = 24;
export const bridgeName = 'holdfast0';
// Without one of its own a bridge has its lowest port's, and the host would be lost to all nodes whenever one comes or goes.
export const bridgeMac = '02:68:66:00:00:ff';

export const apiServerPort = 6443;
export const apiServerUrl = `https://${hostIp}:${apiServerPort}`;
export const registryAddress = `${hostIp}:5000`;
export const clusterDomain = 'cluster.local';

export interface ClusterNode {
  readonly name: string;
  readonly zone: string;
  readonly ip: string;
  /** Its network card's address: others remember it, so a node that starts again must have the same, as a machine has. */
  readonly mac: string;
  /** The host's end of the node's only link. */
  readonly link: string;
  /** Everything the node's disk holds: its /var, its images, its volumes. */
  readonly dir: string;
}

export const nodes: readonly ClusterNode[] = ['a', 'b', 'c'].map((letter, index) => ({
  name: `holdfast-${letter}`,
  zone: `zone-${letter}`,
  ip: `198.19.240.${11 + index}`,
  mac: `02:68:66:00:00:0${index + 1}`,
  link: `hf-${letter}`,
  dir: join(stateDir, 'nodes', letter),
}));

/** @throws Error naming the nodes there are. */
export function requireNode(name: string): ClusterNode {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no node ${name}: it is one of ${nodes.map((each) => each.name).join(', ')}`);
  return node;
}

/** Written first and naming the boot of the machine that the cluster lives in: where it is, there is something of a native cluster. */
export const bootIdPath = join(stateDir, 'boot-id');

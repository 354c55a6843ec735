import { BlockList, isIP } from 'node:net';
import type { Places } from './create-places.ts';

/** Networks that are no place on a map, in words (IANA special-purpose address registries; RFC 1918, 4193, 6598). */
const networks: [name: string, list: BlockList][] = [
  ['this computer', createList(['127.0.0.0', 8, 'ipv4'], ['::1', 128, 'ipv6'])],
  [
    'a private network',
    createList(['10.0.0.0', 8, 'ipv4'], ['172.16.0.0', 12, 'ipv4'], ['192.168.0.0', 16, 'ipv4'], ['fc00::', 7, 'ipv6']),
  ],
  ['the local network', createList(['169.254.0.0', 16, 'ipv4'], ['fe80::', 10, 'ipv6'])],
  ['a network behind a provider', createList(['100.64.0.0', 10, 'ipv4'])],
];

/** Where an address is: by itself, or by the database where there is one; else the address says all that is known. */
export function describePlace(address: string, places?: Places): string {
  const version = isIP(address);
  if (version === 0) return 'an unknown address';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const [name] = networks.find(([, list]) => list.check(address, family)) ?? [];
  const place = name ?? places?.(address);
  return place === undefined ? `the address ${address}` : `${place} (${address})`;
}

function createList(...subnets: [address: string, prefix: number, family: 'ipv4' | 'ipv6'][]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) list.addSubnet(...subnet);
  return list;
}

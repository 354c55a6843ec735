import { isIP } from 'node:net';

/** IPv6 addresses that stand for an IPv4 address in their last 32 bits. */
const IPV4_IN_IPV6 = [
  [0, 0, 0, 0, 0, 0xffff], // IPv4-mapped, RFC 4291, section 2.5.5.2
  [0, 0, 0, 0, 0xffff, 0], // IPv4-translated, RFC 2765, section 2.1
  [0x64, 0xff9b, 0, 0, 0, 0], // NAT64, RFC 6052, section 2.1
];

/**
 * The one spelling of an IP address (RFC 5952 for IPv6): an address has many, and whoever counts by address must count them
 * as one. An IPv6 address that stands for an IPv4 address becomes that one. A zone (`%eth0`) is left out.
 *
 * @returns undefined for what is no IP address
 */
export function parseIpAddress(text: string): string | undefined {
  const [address = ''] = text.split('%');
  const version = isIP(address);
  if (version !== 6) return version === 4 ? address : undefined;
  const groups = toGroups(address);
  if (IPV4_IN_IPV6.some((prefix) => prefix.every((group, index) => group === groups[index]))) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  }
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/**
 * The network that an address belongs to, as one client has it: an IPv4 address is its own; of IPv6 a client has a /64 at
 * least (RFC 6177), and often a /48.
 *
 * @param address as {@link parseIpAddress} gives it; what is no address is its own network
 * @param bits of an IPv6 network, a multiple of 16
 * @returns such as `192.0.2.1` or `2001:db8:0:1::/64`
 */
export function toClientNetwork(address: string, bits: 48 | 64): string {
  if (isIP(address) !== 6) return address;
  const groups = toGroups(address).slice(0, bits / 16);
  return `${groups.map((group) => group.toString(16)).join(':')}::/${bits}`;
}

/** The eight numbers of an IPv6 address. */
function toGroups(address: string): number[] {
  const spelled = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = [], after = []] = spelled.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

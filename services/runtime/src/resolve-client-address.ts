import { isIP } from 'node:net';
import { trimBlanks } from '@holdfast/session';
import { parseIpAddress } from './ip-address.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/**
 * Who sent the request. `X-Forwarded-For` is read from the right, where the nearest proxy wrote, and no further than the
 * trusted proxies reach: everything left of that the client may have invented.
 *
 * @param socketAddress who opened the connection
 * @param forwardedFor the header, all its lines joined by commas
 */
export function resolveClientAddress(
  trusted: TrustedProxies,
  socketAddress: string,
  forwardedFor: string | undefined,
): string {
  let address = normalize(socketAddress);
  if (trusted.kind === 'none' || forwardedFor === undefined) return address;
  const chain = forwardedFor.split(',');
  for (let hop = 0; chain.length > 0; hop++) {
    if (trusted.kind === 'hops' ? hop >= trusted.count : !isTrusted(trusted, address)) return address;
    const next = normalize(chain.pop() ?? '');
    // What is no address was not written by a proxy that we would want to believe.
    if (isIP(next) === 0) return address;
    address = next;
  }
  return address;
}

function isTrusted(trusted: TrustedProxies & { kind: 'networks' }, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && trusted.list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** Without a port or brackets, as some proxies add them, in the one spelling of the address; other text stays as it is. */
function normalize(text: string): string {
  const trimmed = trimBlanks(text);
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  return parseIpAddress(address) ?? address;
}

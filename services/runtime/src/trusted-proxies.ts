import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** Which of the addresses in `X-Forwarded-For` are believed: none, as many as there are proxies, or by network. */
export type TrustedProxies = { kind: 'none' } | { kind: 'hops'; count: number } | { kind: 'networks'; list: BlockList };

const message = 'must be a number of proxies from 0 to 10, or networks such as 10.0.0.0/8,fd00::/8';

/** `TRUSTED_PROXIES`: a number of hops, or addresses and networks (CIDR) separated by commas. */
export const trustedProxies = z.string().transform((text, context): TrustedProxies => {
  if (/^\d{1,2}$/.test(text) && Number(text) <= 10) {
    return text === '0' ? { kind: 'none' } : { kind: 'hops', count: Number(text) };
  }
  const list = new BlockList();
  for (const [index, part] of text.split(',').entries()) {
    const [address = '', prefix, ...rest] = part.trim().split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (version === 0 || rest.length > 0 || (bits !== undefined && !(bits <= (version === 4 ? 32 : 128)))) {
      context.addIssue({ code: 'custom', path: [index], message });
      return z.NEVER;
    }
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return { kind: 'networks', list };
});

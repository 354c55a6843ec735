import type { IncomingMessage } from 'node:http';

/** A name, an IPv4 address, or an IPv6 address in brackets; perhaps a port. No user, path or query hides in it. */
const host = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * Whether a request has one `Host`, and that is one (RFC 9112, section 3.2). Node keeps the first of two, a proxy before us may
 * have gone by the other. HTTP/1.0 needs none.
 */
export function hasValidHost({
  rawHeaders,
  httpVersion,
}: Pick<IncomingMessage, 'rawHeaders' | 'httpVersion'>): boolean {
  let value: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (value !== undefined) return false;
    value = rawHeaders[at + 1];
  }
  if (value === undefined) return httpVersion === '1.0';
  const match = host.exec(value);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}

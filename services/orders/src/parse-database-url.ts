const sslModes = ['disable', 'prefer', 'require', 'verify-full'];
const sessionAttributes = ['read-write', 'read-only', 'primary', 'standby', 'prefer-standby'];
const encode = 'in a user or password write % as %25, / as %2F, ? as %3F, # as %23, @ as %40 and : as %3A';

/**
 * Checks a PostgreSQL URL and writes it as the driver reads it. A `/`, `?` or `#` that belongs to a password ends the address
 * for every reader of URLs (RFC 3986, section 3.2), and the rest of the password would be taken for a path: it is refused.
 *
 * @returns the same URL with its user and password percent-encoded
 * @throws Error that names the part that is wrong and repeats nothing of the URL
 */
export function parseDatabaseUrl(text: string): string {
  const address = /^postgres(?:ql)?:\/\/([^/?#]*)([^#]*)(#?)/.exec(text);
  if (!address) throw new Error('must begin with postgres:// as in postgres://user:password@host:5432/database');
  const [, authority = '', rest = '', fragment] = address;
  if (fragment !== '') throw new Error(`has a # in it: ${encode}`);
  if (rest.includes('@')) throw new Error(`has an @ behind the address: ${encode}`);
  const [hostAndPort = '', ...others] = authority.split('@').reverse();
  const credentials = others.reverse().join('@');
  if (!isDecodable(credentials)) throw new Error(`has a % that begins no escape: ${encode}`);
  const port = /:([^:\]]*)$/.exec(hostAndPort)?.[1] ?? '';
  if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) {
    throw new Error(`has a port that is none, of 1 to 65535; if that is part of a password, ${encode}`);
  }
  if (!/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d*)?$/.test(hostAndPort) || !URL.canParse(text)) {
    throw new Error(`has a host that is none; if that is part of a password, ${encode}`);
  }
  const url = new URL(text);
  const { searchParams } = url;
  if (!sslModes.includes(searchParams.get('sslmode') ?? 'disable')) {
    throw new Error(`has an sslmode that is none of ${sslModes.join(', ')}`);
  }
  if (!sessionAttributes.includes(searchParams.get('target_session_attrs') ?? 'primary')) {
    throw new Error(`has a target_session_attrs that is none of ${sessionAttributes.join(', ')}`);
  }
  return url.href;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

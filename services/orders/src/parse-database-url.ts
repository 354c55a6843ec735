import { accessSync, constants } from 'node:fs';

export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
export type SessionAttributes = 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby';

/** Where PostgreSQL is and how to connect to it, as a URL of libpq says it. */
export interface DatabaseTarget {
  /** In the order they are tried in. */
  hosts: readonly { host: string; port: number }[];
  /** The folder of a Unix socket, in place of hosts. */
  socketFolder?: string;
  database: string;
  username: string;
  password: string;
  sslMode: SslMode;
  /** Paths of PEM files. */
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  minTlsVersion?: 'TLSv1.2' | 'TLSv1.3';
  direct: boolean;
  /** Which of several hosts will do; undefined is any. */
  attributes?: SessionAttributes;
  /** Sent at the start of a connection, such as `options`. */
  parameters: Readonly<Record<string, string>>;
  connectTimeoutSeconds?: number;
  /** 0 is never. */
  keepAliveSeconds?: number;
  /** Whether statements may be prepared under a name: not behind a pooler that does not know them. */
  prepare: boolean;
}

const encode = 'in a user or password write % as %25, / as %2F, ? as %3F, # as %23, @ as %40 and : as %3A';

type Check = (value: string) => boolean;
const oneOf =
  (...values: string[]): Check =>
  (value) =>
    values.includes(value);
const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
const attributes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'];
const number: Check = (value) => /^\d{1,6}$/.test(value);
const anything: Check = (value) => value !== '';

/** The parameters that are honoured, with the values they may have. What names a list says so in a message. */
const honoured: Record<string, { check: Check; values: string }> = {
  host: { check: anything, values: 'a host' },
  port: { check: (value) => value.split(',').every(isPort), values: 'a port' },
  user: { check: anything, values: 'a name' },
  password: { check: () => true, values: '' },
  dbname: { check: anything, values: 'a name' },
  sslmode: { check: oneOf(...sslModes), values: sslModes.join(', ') },
  sslrootcert: {
    check: (value) => value === 'system' || isReadable(value),
    values: 'system, or a file that can be read',
  },
  sslcert: { check: isReadable, values: 'a file that can be read' },
  sslkey: { check: isReadable, values: 'a file that can be read' },
  sslnegotiation: { check: oneOf('postgres', 'direct'), values: 'postgres, direct' },
  ssl_min_protocol_version: { check: oneOf('TLSv1.2', 'TLSv1.3'), values: 'TLSv1.2, TLSv1.3' },
  application_name: { check: anything, values: 'a name' },
  fallback_application_name: { check: anything, values: 'a name' },
  options: { check: anything, values: 'options of the server' },
  target_session_attrs: { check: oneOf(...attributes), values: attributes.join(', ') },
  connect_timeout: { check: number, values: 'a number of seconds' },
  keepalives: { check: oneOf('0', '1'), values: '0, 1' },
  keepalives_idle: { check: number, values: 'a number of seconds' },
  client_encoding: { check: (value) => /^(?:utf-?8|auto)$/i.test(value), values: 'utf8' },
  // A pooler such as PgBouncer that forgets prepared statements, as Prisma names it.
  pgbouncer: { check: oneOf('true', 'false'), values: 'true, false' },
  // What we do anyway, and nothing else.
  gssencmode: { check: oneOf('disable', 'prefer'), values: 'disable, prefer: Kerberos is not supported' },
  channel_binding: {
    check: oneOf('disable', 'prefer'),
    values: 'disable, prefer: it is not supported; sslmode=verify-full keeps others out too',
  },
  load_balance_hosts: { check: oneOf('disable'), values: 'disable: hosts are tried in their order' },
  sslsni: { check: oneOf('1'), values: '1' },
  sslcompression: { check: oneOf('0'), values: '0' },
};

/** Known names that are not honoured, with what to do. They may be printed; what else stands there may be a part of a password. */
const refused: Record<string, string> = {
  ssl: 'use sslmode=require or sslmode=verify-full',
  sslpassword: 'use a key without a passphrase, in a file that only this service can read',
  schema: 'use options=-csearch_path%3Dname',
  connection_limit: 'use DATABASE_POOL_SIZE',
  pool_timeout: 'use DATABASE_TIMEOUT_MS',
  statement_timeout: 'use DATABASE_TIMEOUT_MS',
  hostaddr: 'put the address in place of the host',
  passfile: 'use DATABASE_URL_FILE',
  service: 'write its parameters into the URL',
  servicefile: 'write its parameters into the URL',
  require_auth: 'use sslmode=verify-full, so that nobody else can ask for the password',
  ...Object.fromEntries(
    [
      ...['sslcrl', 'sslcrldir', 'sslcertmode', 'ssl_max_protocol_version', 'requirepeer', 'requiressl', 'replication'],
      ...['tcp_user_timeout', 'keepalives_interval', 'keepalives_count', 'krbsrvname', 'gsslib', 'gssdelegation'],
      ...['uselibpqcompat', 'sslaccept', 'sslidentity', 'socket_timeout', 'statement_cache_size', 'prepareThreshold'],
    ].map((name) => [name, 'leave it out']),
  ),
};

/**
 * Reads a PostgreSQL URL as libpq does. A `/`, `?` or `#` that belongs to a password ends the address for every reader of
 * URLs (RFC 3986, section 3.2), and the rest of the password would be taken for a path: it is refused. So is every parameter
 * that can't be honoured, and never passed on to the server, which would refuse each connection.
 *
 * @throws Error that names the part that is wrong and repeats nothing of the URL but names of parameters
 * @see https://www.postgresql.org/docs/current/libpq-connect.html
 */
export function parseDatabaseUrl(text: string): DatabaseTarget {
  const address = /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#?)/.exec(text);
  if (!address) throw new Error('must begin with postgres:// as in postgres://user:password@host:5432/database');
  const [, authority = '', path = '', query = '', fragment] = address;
  if (fragment !== '') throw new Error(`has a # in it: ${encode}`);
  if (path.includes('@') || query.includes('@')) throw new Error(`has an @ behind the address: ${encode}`);
  const [hostsText = '', ...others] = authority.split('@').reverse();
  const credentials = others.reverse().join('@');
  if (![credentials, hostsText, path, query].every(isDecodable))
    throw new Error(`has a % that begins no escape: ${encode}`);
  const parameters = readParameters(query);
  const target = toHosts(parameters['host'] ?? decodeURIComponent(hostsText), parameters['port']);
  const colon = credentials.indexOf(':');
  const [user, password] = colon < 0 ? [credentials, ''] : [credentials.slice(0, colon), credentials.slice(colon + 1)];
  const username = parameters['user'] ?? decodeURIComponent(user);
  if (username === '') throw new Error('has no user: write postgres://user:password@host:5432/database');
  if (/[/:@]/.test(path)) throw new Error(`has a database that is none; if that is part of a password, ${encode}`);
  const sslMode = toSslMode(parameters);
  const { sslrootcert, sslcert, sslkey, connect_timeout: connectTimeout } = parameters;
  if ((sslcert === undefined) !== (sslkey === undefined))
    throw new Error('has only one of sslcert and sslkey: give both');
  requireTls(sslMode, parameters);
  const attribute = parameters['target_session_attrs'];
  // Among several only one takes orders.
  const attributes = attribute ?? (target.hosts.length > 1 ? 'read-write' : 'any');
  const keepAlive = parameters['keepalives'] === '0' ? '0' : parameters['keepalives_idle'];
  return {
    ...target,
    database: parameters['dbname'] ?? (decodeURIComponent(path) || username),
    username,
    password: parameters['password'] ?? decodeURIComponent(password),
    sslMode,
    ...(sslrootcert === undefined || sslrootcert === 'system' ? {} : { caFile: sslrootcert }),
    ...(sslcert === undefined || sslkey === undefined ? {} : { certFile: sslcert, keyFile: sslkey }),
    ...(parameters['ssl_min_protocol_version'] === undefined
      ? {}
      : { minTlsVersion: parameters['ssl_min_protocol_version'] as 'TLSv1.2' | 'TLSv1.3' }),
    direct: parameters['sslnegotiation'] === 'direct',
    ...(attributes === 'any' ? {} : { attributes: attributes as SessionAttributes }),
    parameters: {
      application_name: parameters['application_name'] ?? parameters['fallback_application_name'] ?? 'holdfast-orders',
      ...(parameters['options'] === undefined ? {} : { options: parameters['options'] }),
    },
    // 0 is without an end for libpq, and a request waits for less.
    ...(Number(connectTimeout ?? 0) === 0 ? {} : { connectTimeoutSeconds: Number(connectTimeout) }),
    ...(keepAlive === undefined ? {} : { keepAliveSeconds: Number(keepAlive) }),
    prepare: parameters['pgbouncer'] !== 'true',
  };
}

function readParameters(query: string): Record<string, string | undefined> {
  const parameters: Record<string, string> = {};
  for (const [place, part] of query.split('&').filter(Boolean).entries()) {
    const equals = part.indexOf('=');
    // A + is a plus sign for libpq.
    const [name, value] = [part.slice(0, equals), part.slice(equals + 1)].map(decodeURIComponent) as [string, string];
    const known = Object.hasOwn(honoured, name) ? honoured[name] : undefined;
    if (equals < 0 || (!known && !Object.hasOwn(refused, name))) {
      throw new Error(
        `has a parameter that is not known, the ${ordinal(place + 1)}; if that is part of a password, ${encode}`,
      );
    }
    if (!known) throw new Error(`has the parameter ${name}, which is not supported: ${refused[name]}`);
    if (!known.check(value)) throw new Error(`has ${aOrAn(name)} ${name} that is none of: ${known.values}`);
    parameters[name] = value;
  }
  return parameters;
}

function toHosts(hostsText: string, portsText: string | undefined): Pick<DatabaseTarget, 'hosts' | 'socketFolder'> {
  const ports = portsText?.split(',') ?? [];
  const hosts = hostsText.split(',').map((text, index) => {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)|(\/[^:]*))(?::([^:\]]*))?$/.exec(text);
    const port = (ports.length > 1 ? ports[index] : ports[0]) || match?.[4] || '5432';
    if (match && !isPort(port)) {
      throw new Error(`has a port that is none, of 1 to 65535; if that is part of a password, ${encode}`);
    }
    if (!match) throw new Error(`has a host that is none; if that is part of a password, ${encode}`);
    return { host: (match[1] ?? match[2] ?? match[3]) as string, port: Number(port), isSocket: match[3] !== undefined };
  });
  if (ports.length > 1 && ports.length !== hosts.length) throw new Error('has another number of ports than of hosts');
  const socket = hosts.find(({ isSocket }) => isSocket);
  if (socket && hosts.length > 1) throw new Error('has a socket among several hosts: give one socket, or hosts');
  const endpoints = hosts.map(({ host, port }) => ({ host, port }));
  return { hosts: endpoints, ...(socket ? { socketFolder: socket.host } : {}) };
}

/** As libpq: with an authority of its own `require` checks it, and the system's is for names only. */
function toSslMode({ sslmode, sslrootcert }: Record<string, string | undefined>): SslMode {
  if (sslrootcert === 'system') {
    if (sslmode !== undefined && sslmode !== 'verify-full') {
      throw new Error('has sslrootcert=system, which needs sslmode=verify-full');
    }
    return 'verify-full';
  }
  if (sslmode === 'require' && sslrootcert !== undefined) return 'verify-ca';
  return sslmode === 'allow' ? 'prefer' : ((sslmode ?? 'disable') as SslMode);
}

/** TLS that was asked for must not be left out in silence. */
function requireTls(sslMode: SslMode, parameters: Record<string, string | undefined>): void {
  if (sslMode === 'verify-ca' && parameters['sslrootcert'] === undefined) {
    throw new Error(
      'has sslmode=verify-ca without sslrootcert: any public certificate would do; use sslmode=verify-full',
    );
  }
  if (sslMode !== 'disable' && sslMode !== 'prefer') return;
  const names = ['sslrootcert', 'sslcert', 'sslkey', 'ssl_min_protocol_version'].filter((name) => parameters[name]);
  if (parameters['sslnegotiation'] === 'direct') names.push('sslnegotiation');
  if (names.length > 0) {
    throw new Error(`has ${names.join(', ')} without TLS: add sslmode=verify-full, or sslmode=require`);
  }
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

const ordinal = (place: number) => `${place}${['st', 'nd', 'rd'][place - 1] ?? 'th'}`;
const aOrAn = (name: string) => (/^[aeio]/.test(name) ? 'an' : /^ss/.test(name) ? 'an' : 'a');

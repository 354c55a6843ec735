import { expect, test } from 'vitest';
import { parseDatabaseUrl } from './parse-database-url.ts';

const file = import.meta.filename;
const of = (rest: string) => parseDatabaseUrl(`postgres://orders:pw@${rest}`);

test('a URL is read as libpq reads it', () => {
  expect(parseDatabaseUrl('postgresql://o%40a:p%2Fw%3A@db.example:6432/shop')).toEqual({
    hosts: [{ host: 'db.example', port: 6432 }],
    database: 'shop',
    username: 'o@a',
    password: 'p/w:',
    sslMode: 'disable',
    direct: false,
    parameters: { application_name: 'holdfast-orders' },
    prepare: true,
  });
});

test.each<[string, string, object]>([
  ['no database is the user’s', 'db', { database: 'orders', hosts: [{ host: 'db', port: 5432 }] }],
  ['an IPv6 host', '[2001:db8::1]:1/x', { hosts: [{ host: '2001:db8::1', port: 1 }] }],
  [
    'several hosts, of which only one takes orders',
    'a:1,[::1],c:3/x',
    {
      hosts: [
        { host: 'a', port: 1 },
        { host: '::1', port: 5432 },
        { host: 'c', port: 3 },
      ],
      attributes: 'read-write',
    },
  ],
  ['several hosts of which any will do', 'a,b/x?target_session_attrs=any', { attributes: undefined }],
  [
    'hosts and ports as parameters',
    '/x?host=a,b&port=1,2',
    {
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    },
  ],
  [
    'one port for all',
    '/x?host=a,b&port=7',
    {
      hosts: [
        { host: 'a', port: 7 },
        { host: 'b', port: 7 },
      ],
    },
  ],
  [
    'a socket',
    '/x?host=/run/postgresql',
    { socketFolder: '/run/postgresql', hosts: [{ host: '/run/postgresql', port: 5432 }] },
  ],
  ['an encoded socket', '%2Frun%2Fpostgresql/x', { socketFolder: '/run/postgresql' }],
  [
    'user, password and database as parameters',
    'db/x?user=u&password=a%26b&dbname=d',
    { username: 'u', password: 'a&b', database: 'd' },
  ],
  ['TLS that is tried', 'db?sslmode=allow', { sslMode: 'prefer' }],
  ['TLS without a look at the certificate', 'db?sslmode=require', { sslMode: 'require' }],
  ['TLS with an authority', `db?sslmode=require&sslrootcert=${file}`, { sslMode: 'verify-ca', caFile: file }],
  [
    'TLS with an authority and the name',
    `db?sslmode=verify-full&sslrootcert=${file}`,
    { sslMode: 'verify-full', caFile: file },
  ],
  ['TLS with the authorities of the system', 'db?sslrootcert=system', { sslMode: 'verify-full', caFile: undefined }],
  ['a client certificate', `db?sslmode=require&sslcert=${file}&sslkey=${file}`, { certFile: file, keyFile: file }],
  ['a least version of TLS', 'db?sslmode=require&ssl_min_protocol_version=TLSv1.3', { minTlsVersion: 'TLSv1.3' }],
  ['TLS at once', 'db?sslmode=require&sslnegotiation=direct', { direct: true }],
  ['a name for the list of connections', 'db?application_name=shop', { parameters: { application_name: 'shop' } }],
  [
    'options of the server',
    'db?options=-csearch_path%3Dshop',
    { parameters: { application_name: 'holdfast-orders', options: '-csearch_path=shop' } },
  ],
  ['a time to connect in', 'db?connect_timeout=2', { connectTimeoutSeconds: 2 }],
  ['no time to connect in', 'db?connect_timeout=0', { connectTimeoutSeconds: undefined }],
  ['signs of life', 'db?keepalives=1&keepalives_idle=30', { keepAliveSeconds: 30 }],
  ['no signs of life', 'db?keepalives=0', { keepAliveSeconds: 0 }],
  ['a pooler', 'db?pgbouncer=true', { prepare: false }],
  [
    'what we do anyway',
    'db?channel_binding=prefer&gssencmode=disable&client_encoding=UTF8&sslsni=1',
    { prepare: true },
  ],
])('%s', (_, rest, expected) => {
  const absent = { attributes: undefined, caFile: undefined, connectTimeoutSeconds: undefined };
  expect({ ...absent, ...of(rest) }).toMatchObject(expected);
});

test.each([
  [
    'db?channel_binding=require',
    'channel_binding that is none of: disable, prefer: it is not supported; sslmode=verify-full',
  ],
  ['db?gssencmode=require', 'gssencmode that is none of: disable, prefer: Kerberos'],
  ['db?sslmode=on', 'sslmode that is none of: disable, allow'],
  ['db?sslrootcert=/nowhere', 'sslrootcert that is none of: system, or a file that can be read'],
  ['db?sslrootcert=system&sslmode=require', 'sslrootcert=system, which needs sslmode=verify-full'],
  [`db?sslcert=${file}`, 'only one of sslcert and sslkey'],
  ['db?sslmode=verify-ca', 'sslmode=verify-ca without sslrootcert'],
  [`db?sslrootcert=${file}`, 'sslrootcert without TLS: add sslmode=verify-full'],
  [`db?sslmode=prefer&sslcert=${file}&sslkey=${file}`, 'sslcert, sslkey without TLS'],
  ['db?ssl_min_protocol_version=TLSv1.3', 'ssl_min_protocol_version without TLS'],
  ['db?sslnegotiation=direct', 'sslnegotiation without TLS'],
  ['h%zz/d', 'a % that begins no escape'],
  ['db?target_session_attrs=writable', 'target_session_attrs that is none of: any, read-write'],
  ['db?load_balance_hosts=random', 'load_balance_hosts that is none of: disable'],
  ['db?connect_timeout=soon', 'connect_timeout that is none of: a number of seconds'],
  ['db?schema=shop', 'the parameter schema, which is not supported: use options=-csearch_path'],
  ['db?statement_timeout=1', 'the parameter statement_timeout, which is not supported: use DATABASE_TIMEOUT_MS'],
  ['db?connection_limit=1', 'the parameter connection_limit, which is not supported: use DATABASE_POOL_SIZE'],
  ['db?ssl=true', 'the parameter ssl, which is not supported: use sslmode=require'],
  ['db?passfile=/x', 'the parameter passfile, which is not supported: use DATABASE_URL_FILE'],
  ['db?tcp_user_timeout=1', 'the parameter tcp_user_timeout, which is not supported: leave it out'],
  ['db?s3cret=1', 'a parameter that is not known, the 1st'],
  ['db?sslmode=require&s3cret', 'a parameter that is not known, the 2nd'],
  ['db?constructor=1', 'a parameter that is not known, the 1st'],
  ['a:0/x', 'a port that is none'],
  ['a:1,b:x/x', 'a port that is none'],
  ['a,,b/x', 'a host that is none'],
  ['/x?host=a,b&port=1,2,3', 'another number of ports than of hosts'],
  ['a,%2Frun/x', 'a socket among several hosts'],
])('%s is refused: %s', (rest, message) => {
  let refusal = '';
  try {
    of(rest);
  } catch (error) {
    refusal = (error as Error).message;
  }
  expect(refusal).toContain(message);
  expect(refusal).not.toMatch(/s3cret|nowhere|soon|writable/);
});

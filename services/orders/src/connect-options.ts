import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Options } from 'postgres';
import type { DatabaseTarget } from './parse-database-url.ts';

/** What the driver needs for a target. All of it is said, so that nothing of that comes from `PG…` variables. */
export function toConnectOptions(target: DatabaseTarget) {
  const { hosts, socketFolder, direct, attributes, keepAliveSeconds = 15 } = target;
  return {
    // The driver takes lists, which its types do not say; in a text it would take an IPv6 address apart.
    host: hosts.map(({ host }) => host) as unknown as string,
    port: hosts.map(({ port }) => port) as unknown as number,
    ...(socketFolder === undefined ? {} : { path: `${socketFolder}/.s.PGSQL.${hosts[0]?.port}` }),
    database: target.database,
    username: target.username,
    password: target.password,
    ssl: toSsl(target),
    ...(direct ? { sslnegotiation: 'direct' as const } : {}),
    ...(attributes === undefined ? {} : { target_session_attrs: attributes }),
    keep_alive: keepAliveSeconds === 0 ? null : keepAliveSeconds,
    fetch_types: false,
    onnotice: () => {},
  } satisfies Options<Record<string, never>>;
}

function toSsl(target: DatabaseTarget): false | 'prefer' | 'require' | ConnectionOptions {
  const { sslMode, caFile, certFile, keyFile, minTlsVersion } = target;
  if (sslMode === 'disable') return false;
  const own: ConnectionOptions = {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
    ...(minTlsVersion === undefined ? {} : { minVersion: minTlsVersion }),
  };
  switch (sslMode) {
    case 'prefer':
      return 'prefer';
    case 'require':
      return { ...own, rejectUnauthorized: false };
    case 'verify-ca':
      // Whose name is in it does not matter.
      return { ...own, checkServerIdentity: () => undefined };
    default:
      return own;
  }
}

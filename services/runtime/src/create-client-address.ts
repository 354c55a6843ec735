import type { Context } from 'hono';
import { resolveClientAddress } from './resolve-client-address.ts';
import type { ServiceEnv } from './service-context.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** How the address of a request's client is found; `unknown` where there is no socket, in tests. */
// biome-ignore lint/suspicious/noExplicitAny: a context of any service will do, whatever variables it adds
export function createClientAddress(trusted: TrustedProxies): (c: Context<any>) => string {
  return (c: Context<ServiceEnv>) => {
    const socketAddress = c.env?.incoming?.socket.remoteAddress ?? 'unknown';
    return resolveClientAddress(trusted, socketAddress, c.req.header('x-forwarded-for'));
  };
}

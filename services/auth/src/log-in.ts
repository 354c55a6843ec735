import { createClientAddress } from '@holdfast/runtime';
import { readSessionCookies, requireSameOrigin } from '@holdfast/session';
import type { Context } from 'hono';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { type BegunSession, beginSession } from './begin-session.ts';
import { checkCredentials } from './check-credentials.ts';
import { createDevice, readDevice, setDeviceCookie } from './device-cookie.ts';

export interface LogInOptions {
  username: string;
  password: string;
  /** What a client without cookies was given as `device` at an earlier login. */
  device?: string | undefined;
  /** Whether the client is to keep its token as a cookie, as browsers do. */
  asCookie: boolean;
}

export interface LoggedIn extends BegunSession {
  /** What a client without cookies is to present as `device` at its next login, unless its cookie says it. */
  device: string | undefined;
}

/**
 * Checks the credentials and creates a session; as a cookie it replaces the one that the browser had. The one way to
 * log in by password, for the API and for the pages.
 *
 * @throws HoldfastError `csrf-rejected`, `invalid-credentials`, `rate-limited`, `session-limit`, `outcome-unknown`,
 *   `not-durable` or `store-unavailable`
 */
export async function logIn(
  c: Context<AuthEnv>,
  services: AuthServices,
  { username, password, device, asCookie }: LogInOptions,
): Promise<LoggedIn> {
  const { config } = services;
  requireOwnPage(c, config.trustedOrigins);
  const user = await checkCredentials(c, services, { username, password, device });
  const ip = createClientAddress(config.trustedProxies)(c);
  const session = await beginSession(c, services, { userId: user.id, roles: user.roles, amr: ['pwd'], ip, asCookie });
  const deviceKeys = services.keys.derive('device');
  if (readDevice(deviceKeys, device, c.req.header('cookie'), user.id) !== undefined) return { ...session, device };
  const created = createDevice(deviceKeys, user.id);
  if (asCookie) c.header('set-cookie', setDeviceCookie(created), { append: true });
  return { ...session, device: created };
}

/**
 * No other site may log a browser in, not even to an account of its own (login CSRF). A client that is no browser sends
 * neither header and has no cookie.
 */
function requireOwnPage(c: Context, trustedOrigins: readonly string[]): void {
  const fromBrowser = c.req.header('sec-fetch-site') !== undefined || c.req.header('origin') !== undefined;
  const hasSession = readSessionCookies(c.req.header('cookie')).length > 0;
  if (fromBrowser || hasSession) requireSameOrigin(c.req.method, (name) => c.req.header(name), trustedOrigins);
}

import { createClientAddress, jsonContent, problemContents, requestLog } from '@holdfast/runtime';
import {
  HoldfastError,
  parseSessionToken,
  readCookies,
  requireSameOrigin,
  SESSION_COOKIE,
  setSessionCookie,
  toSessionView,
} from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { audit } from '../audit.ts';
import type { AuthApp, AuthEnv, AuthServices } from '../auth-context.ts';
import { readDeviceCookie, setDeviceCookie } from '../device-cookie.ts';
import { takeLoginAttempt } from '../login-limits.ts';
import { sessionSchema } from '../schemas.ts';
import type { User } from '../user-directory.ts';

const USER_AGENT_LIMIT = 256;

const route = createRoute({
  method: 'post',
  path: '/v1/sessions',
  summary: 'Log in',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({
            username: z.string().min(1).max(256),
            password: z.string().min(1).max(1024),
            transport: z.enum(['cookie', 'bearer']).default('cookie'),
          }),
        },
      },
    },
  },
  responses: {
    201: jsonContent(
      z.object({ session: sessionSchema, token: z.string().optional() }),
      'Logged in; the token only for bearer',
    ),
    ...problemContents({
      401: 'Wrong username or password',
      403: 'Sent by another site',
      422: 'Not a login',
      429: 'Too many failed logins',
      503: 'The store can’t answer, or not enough replicas confirmed',
    }),
  },
});

/** `POST /v1/sessions`: checks the credentials and creates a session. */
export function addLoginRoute(app: AuthApp, services: AuthServices): void {
  const { sessions, keys, metrics, config } = services;
  const clientAddress = createClientAddress(config.trustedProxies);
  app.openapi(route, async (c) => {
    requireOwnPage(c, config.trustedOrigins);
    const { username, password, transport } = c.req.valid('json');
    const ip = clientAddress(c);
    const user = await checkCredentials(c, services, { username, password, ip });
    const userAgent = (c.req.header('user-agent') ?? '').slice(0, USER_AGENT_LIMIT);
    const { token, session } = await sessions.create({
      userId: user.id,
      roles: user.roles,
      amr: ['pwd'],
      device: { userAgent, ip },
    });
    metrics.recordLogin('ok');
    audit(c, 'login-ok', { userId: user.id, sessionId: session.id, ip });
    const view = toSessionView(session, session.id);
    if (transport === 'bearer') return c.json({ session: view, token }, 201);
    await endReplacedSession(c, services);
    c.header('set-cookie', setSessionCookie(token, session.absoluteExpiresAtMs), { append: true });
    if (readDeviceCookie(keys.derive('device'), c.req.header('cookie'), user.id) === undefined) {
      c.header('set-cookie', setDeviceCookie(keys.derive('device'), user.id), { append: true });
    }
    return c.json({ session: view }, 201);
  });
}

/**
 * No other site may log a browser in, not even to an account of its own (login CSRF). A client that is no browser sends
 * neither header and has no cookie.
 */
function requireOwnPage(c: Context, trustedOrigins: readonly string[]): void {
  const fromBrowser = c.req.header('sec-fetch-site') !== undefined || c.req.header('origin') !== undefined;
  const hasSession = readCookies(c.req.header('cookie'), SESSION_COOKIE).length > 0;
  if (fromBrowser || hasSession) requireSameOrigin(c.req.method, (name) => c.req.header(name), trustedOrigins);
}

async function checkCredentials(
  c: Context<AuthEnv>,
  { config, keys, limitHashing, metrics, sessions, users }: AuthServices,
  { username, password, ip }: { username: string; password: string; ip: string },
): Promise<User> {
  const userId = users.findId(username);
  const deviceId = userId && readDeviceCookie(keys.derive('device'), c.req.header('cookie'), userId);
  const attempt = { username, address: ip, deviceId };
  const giveBack = await takeLoginAttempt(sessions, attempt, config.loginLimits).catch((error) => {
    const limited = error instanceof HoldfastError && error.code === 'rate-limited';
    metrics.recordLogin(limited ? 'limited' : 'error');
    if (limited) audit(c, 'login-limited', { userId, ip });
    throw error;
  });
  const user = await limitHashing(() => users.verify(username, password)).catch(async (error) => {
    metrics.recordLogin('error');
    await giveBack();
    throw error;
  });
  if (!user) {
    metrics.recordLogin('failed');
    audit(c, 'login-failed', { userId, ip });
    throw new HoldfastError('invalid-credentials', 'The username or the password is wrong.');
  }
  await giveBack();
  return user;
}

/** Whoever logs in again in the same browser leaves no session behind that nobody can sign out of any more. */
async function endReplacedSession(c: Context<AuthEnv>, { sessions }: AuthServices): Promise<void> {
  for (const cookie of readCookies(c.req.header('cookie'), SESSION_COOKIE)) {
    const old = parseSessionToken(cookie);
    if (!old) continue;
    try {
      const ended = await sessions.revoke(old.id, { secretHash: old.secretHash }, 'signed-in-again');
      if (ended.outcome === 'revoked') {
        audit(c, 'session-revoked', { userId: ended.userId, sessionId: old.id, reason: 'signed-in-again' });
      }
    } catch (error) {
      // The login stands; the old session ends by its timeouts.
      requestLog(c).warn({ err: error, sessionId: old.id }, 'could not end the session that was replaced');
    }
  }
}

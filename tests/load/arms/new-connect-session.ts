import { amrOfEveryUser, IDLE_TIMEOUT_MS, rolesOfEveryUser } from './arm.ts';

/** What a login puts into a session of express-session or @fastify/session. */
export const newLogin = (userId: string) => ({
  userId,
  roles: rolesOfEveryUser,
  amr: amrOfEveryUser,
  authenticatedAtMs: Date.now(),
});

/** A session as both of them give it to their store (connect-redis). */
export const newConnectSession = (userId: string) => ({
  cookie: {
    originalMaxAge: IDLE_TIMEOUT_MS,
    expires: new Date(Date.now() + IDLE_TIMEOUT_MS),
    secure: true,
    httpOnly: true,
    path: '/',
    sameSite: 'lax' as const,
  },
  ...newLogin(userId),
});

import { filePath, listOf, origin, serviceEnvironment } from '@holdfast/runtime';
import { DEFAULT_SESSIONS_PER_USER, MOST_SESSIONS_PER_USER, sessionEnvironment, wholeNumber } from '@holdfast/session';
import { z } from 'zod';
import { oidcEnvironment } from './oidc/oidc-environment.ts';

/** The environment variables of the auth service. */
export const authEnvironment = {
  ...serviceEnvironment,
  ...sessionEnvironment,
  USERS_FILE: filePath().describe('JSON file of users: id, username, passwordHash (argon2id), roles'),
  PLACES_FILE: filePath()
    .optional()
    .describe('MMDB file, such as GeoLite2 City, that names the places of addresses; read at the start'),
  JWT_KEYS_FILE: filePath()
    .optional()
    .describe('Private Ed25519 keys, PEM or JWK Set, the current one first; without it each process makes its own'),
  INTROSPECTION_CLIENTS_FILE: filePath()
    .optional()
    .describe('JSON file of services that may introspect tokens: id, secretSha256; without it none may'),
  JWT_ISSUER: z.url('must be a URL').default('https://auth.holdfast.local').describe('The `iss` of the JWTs'),
  TOKEN_AUDIENCES: listOf(z.string().min(1)).default(['orders']).describe('Services that JWTs may be asked for'),
  SESSION_MAX_PER_USER: wholeNumber(1, MOST_SESSIONS_PER_USER)
    .default(DEFAULT_SESSIONS_PER_USER)
    .describe(`Live sessions a user may have, 1 to ${MOST_SESSIONS_PER_USER}`),
  SESSION_MAX_PER_USER_ACTION: z
    .enum(['terminate-oldest', 'deny-new'], 'must be terminate-oldest or deny-new')
    .default('terminate-oldest')
    .describe('What a login does that would be one too many: end the oldest session, or be refused'),
  SESSION_ROTATE_MS: wholeNumber(0, 86_400_000)
    .default(900_000)
    .describe('How old a session’s secret gets before a browser is given the next one; 0 is never'),
  TRUSTED_ORIGINS: listOf(origin()).default([]).describe('Origins that requests with a cookie may come from'),
  ADMIN_MAX_AUTH_AGE_MS: wholeNumber(0, 86_400_000)
    .default(900_000)
    .describe('How long ago an admin may have authenticated to end the sessions of others; 0 is any time'),
  LOGIN_FAILURES_PER_ACCOUNT: wholeNumber(1, 100).default(20).describe('Failed logins per account and window'),
  LOGIN_FAILURES_PER_ADDRESS: wholeNumber(1, 100_000)
    .default(100)
    .describe('Failed logins per client address (IPv4, or IPv6 /64) and window; ten times as many per IPv6 /48'),
  LOGIN_WINDOW_MS: wholeNumber(1000, 86_400_000).default(900_000).describe('How long a failed login counts'),
  LOGIN_FAILURES_PER_DAY: wholeNumber(4, 100)
    .default(100)
    .describe(
      'Failed logins per account in 24 hours, from all devices; a quarter of them is kept for known devices, another for sessions',
    ),
  LOGIN_FAILURES_IN_A_ROW: wholeNumber(0, 100)
    .default(0)
    .refine((limit) => limit === 0 || limit >= 20, 'must be 0, or 20 to 100')
    .describe(
      'Failed logins in a row per account, divided as those of a day, until a login succeeds or the password is changed; 0 is no such limit',
    ),
  LOGIN_SUCCESSES_PER_MINUTE: wholeNumber(1, 10_000).default(600).describe('Logins per account and minute'),
  LOGIN_CONCURRENCY: wholeNumber(1, 64).default(2).describe('Passwords that are hashed at the same time'),
  ...oidcEnvironment,
};

export type AuthEnvironment = z.output<z.ZodObject<typeof authEnvironment>>;

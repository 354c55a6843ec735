import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface Outcome {
  code: number | string | undefined;
  stdout: string;
  stderr: string;
}

/** Starts a service with nothing in its environment but what is given, and waits for its end. */
function start(service: string, env: Record<string, string>): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: root, env, timeout: 60_000 };
    execFile(process.execPath, [`services/${service}/src/main.ts`], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? undefined), stdout, stderr }),
    );
  });
}

const secret = 'do-not-print-me';
const right = {
  auth: { USERS_FILE: join(root, 'package.json'), REDIS_URL: 'redis://127.0.0.1:1' },
  orders: { DATABASE_URL: `postgres://orders:${secret}@127.0.0.1:1/orders`, REDIS_URL: 'redis://127.0.0.1:1' },
} as const;

const oidc = {
  OIDC_ISSUER: 'https://id.example',
  OIDC_CLIENT_ID: 'holdfast',
  OIDC_REDIRECT_URI: 'https://shop.example/auth/oidc/callback',
};

type Case = [name: string, service: keyof typeof right, change: Record<string, string | undefined>, message: RegExp];

const cases: Case[] = [
  ['a missing variable', 'auth', { USERS_FILE: undefined }, /USERS_FILE is missing/],
  ['a missing database', 'orders', { DATABASE_URL: undefined }, /DATABASE_URL or DATABASE_URL_FILE is missing/],
  ['no Redis', 'orders', { REDIS_URL: undefined }, /neither REDIS_SENTINELS nor REDIS_URL is set/],
  [
    'a malformed number',
    'auth',
    { SESSION_IDLE_TIMEOUT_MS: '30m' },
    /SESSION_IDLE_TIMEOUT_MS is wrong: must be a whole number/,
  ],
  [
    'a malformed endpoint',
    'auth',
    { REDIS_URL: undefined, REDIS_SENTINELS: 'redis', REDIS_MASTER_NAME: 'x' },
    /must be host:port/,
  ],
  [
    'a malformed URL with a password',
    'orders',
    { DATABASE_URL: `mysql://a:${secret}@b/c` },
    /DATABASE_URL is wrong: must begin with postgres:/,
  ],
  [
    'a file that is not there',
    'auth',
    { REDIS_USERNAME: 'auth', REDIS_PASSWORD_FILE: '/nowhere' },
    /REDIS_PASSWORD_FILE names a file that can't be read/,
  ],
  [
    'two ways to Redis',
    'auth',
    { REDIS_SENTINELS: 'a:1', REDIS_MASTER_NAME: 'x' },
    /REDIS_SENTINELS and REDIS_URL are both set/,
  ],
  [
    'two databases',
    'orders',
    { DATABASE_URL_FILE: '/etc/hostname' },
    /DATABASE_URL and DATABASE_URL_FILE are both set/,
  ],
  [
    'an idle timeout beyond the absolute one',
    'auth',
    { SESSION_IDLE_TIMEOUT_MS: '2000', SESSION_ABSOLUTE_TIMEOUT_MS: '1000' },
    /larger than SESSION_ABSOLUTE_TIMEOUT_MS/,
  ],
  [
    'an idle timeout longer than the profile’s',
    'auth',
    { SESSION_PROFILE: 'aal3', SESSION_IDLE_TIMEOUT_MS: '1800000' },
    /SESSION_IDLE_TIMEOUT_MS \(1800000\) is longer than SESSION_PROFILE=aal3 allows \(900000\)/,
  ],
  ['a profile that there is not', 'orders', { SESSION_PROFILE: 'aal4' }, /must be aal1, aal2 or aal3/],
  [
    'no limit of sessions',
    'auth',
    { SESSION_MAX_PER_USER: '0' },
    /SESSION_MAX_PER_USER is wrong: must be a whole number from 1 to 200/,
  ],
  ['a limit of sessions that Redis can’t bear', 'auth', { SESSION_MAX_PER_USER: '201' }, /from 1 to 200/],
  ['a limit that is none', 'auth', { SESSION_MAX_PER_USER: '-1' }, /SESSION_MAX_PER_USER is wrong: must be a whole/],
  [
    'an unknown way to keep a limit',
    'auth',
    { SESSION_MAX_PER_USER_ACTION: 'newest-out' },
    /must be terminate-oldest or deny-new/,
  ],
  [
    'replicas that a single Redis has not got',
    'auth',
    { SESSION_WAIT_REPLICAS: '1' },
    /SESSION_WAIT_REPLICAS is above 0 with REDIS_URL/,
  ],
  ['one port for two things', 'auth', { PORT: '8080', METRICS_PORT: '8080' }, /PORT and METRICS_PORT are both 8080/],
  [
    'a provider without TLS, and not on this machine',
    'auth',
    { OIDC_ISSUER: 'http://id.example' },
    /OIDC_ISSUER is wrong: must begin with https:\/\//,
  ],
  [
    'half a single sign-on',
    'auth',
    { OIDC_ISSUER: 'https://id.example' },
    /OIDC_CLIENT_ID is missing[\s\S]*OIDC_REDIRECT_URI is missing/,
  ],
  ['a client without a provider', 'auth', { OIDC_CLIENT_ID: 'holdfast' }, /OIDC_ISSUER is missing/],
  [
    'a callback that leads nowhere',
    'auth',
    { ...oidc, OIDC_REDIRECT_URI: 'https://shop.example/callback' },
    /OIDC_REDIRECT_URI does not lead to \/auth\/oidc\/callback/,
  ],
  ['a sign-in that asks nothing', 'auth', { ...oidc, OIDC_SCOPES: 'email' }, /OIDC_SCOPES has no openid/],
  ['a claim without roles', 'auth', { ...oidc, OIDC_ROLES_CLAIM: 'groups' }, /OIDC_ROLES_MAP is missing/],
  ['roles without a claim', 'auth', { ...oidc, OIDC_ROLES_MAP: 'a=b' }, /OIDC_ROLES_CLAIM is missing/],
  ['a role that is none', 'auth', { ...oidc, OIDC_ROLES_MAP: 'admins' }, /OIDC_ROLES_MAP is wrong: must be value=role/],
  [
    'a client’s secret that is not there',
    'auth',
    { ...oidc, OIDC_CLIENT_SECRET_FILE: '/nowhere' },
    /OIDC_CLIENT_SECRET_FILE names a file that can't be read/,
  ],
  [
    'a users file that is none',
    'auth',
    {},
    /USERS_FILE: .*package\.json: not an array of \{id, username, passwordHash, roles\}/,
  ],
];

describe('a service with a wrong configuration does not start, and says in one message what to mend', () => {
  test.each(cases)(
    '%s (%s)',
    async (_, service, change, message) => {
      const entries = Object.entries({ ...right[service], ...change }).filter((entry) => entry[1] !== undefined);
      const { code, stderr, stdout } = await start(service, Object.fromEntries(entries) as Record<string, string>);
      expect(stderr).toMatch(message);
      expect(code).toBe(1);
      expect(stderr, 'a stack trace').not.toMatch(/^\s+at /m);
      expect(stdout + stderr).not.toContain(secret);
    },
    90_000,
  );

  test('all mistakes at once', async () => {
    const { stderr } = await start('auth', { PORT: 'http', LOG_LEVEL: 'loud', TRUSTED_ORIGINS: 'shop' });
    for (const name of ['USERS_FILE', 'PORT', 'LOG_LEVEL', 'TRUSTED_ORIGINS', 'REDIS_SENTINELS'])
      expect(stderr).toContain(name);
  }, 90_000);
});

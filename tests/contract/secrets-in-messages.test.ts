import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { authEnvironment } from '../../services/auth/src/auth-environment.ts';
import { oidcEnvironmentMistakes } from '../../services/auth/src/oidc/oidc-environment.ts';
import { hashPassword } from '../../services/auth/src/password-hash.ts';
import { edgeEnvironment } from '../../services/edge/src/edge-environment.ts';
import { layoutVariables } from '../../services/local/src/platform-layout.ts';
import { ordersEnvironment } from '../../services/orders/src/orders-environment.ts';
import { type ConfigShape, parseConfig } from '../../services/runtime/src/parse-config.ts';
import { serviceEnvironmentMistakes } from '../../services/runtime/src/service-environment.ts';
import { sessionEnvironmentMistakes } from '../../services/session/src/session-config.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const root = join(import.meta.dirname, '..', '..');
const newSecret = () => randomBytes(18).toString('base64url').replaceAll(/[-_]/g, 'x');

/** The ways in which a secret comes to stand in a variable, by mistake or because it was not percent-encoded. */
const forms: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => ` ${secret}\n`,
  (secret) => `${secret},${secret}`,
  (secret) => `good:1,${secret}`,
  (secret) => `good:1,user:${secret}@host:26379`,
  (secret) => `[${secret}]:26379`,
  (secret) => `good=role,${secret}=`,
  (secret) => `{"${secret}": "${secret}"}`,
  (secret) => `--${secret}`,
  ...['redis', 'rediss', 'postgres', 'postgresql', 'http', 'https', 'mysql'].flatMap((scheme) =>
    ['#', '/', '?', '@', ':', '%', ' ', '\\', '[', '%zz', ''].flatMap((special) => [
      (secret: string) => `${scheme}://user:${special}${secret}@host:6379/name`,
      (secret: string) => `${scheme}://user:1${special}${secret}@host:6379/name?sslmode=disable`,
      (secret: string) => `${scheme}://user:${secret.slice(0, 9)}${special}${secret.slice(9)}@host:6379/name`,
      (secret: string) => `${scheme}://:${secret}${special}@host`,
    ]),
  ),
  (secret) => `postgres://user:x@host:${secret}/name`,
  (secret) => `postgres://user:x@host/name?sslmode=${secret}`,
  (secret) => `postgres://user:x@host/name?target_session_attrs=${secret}`,
  (secret) => `redis://host:6379/?password=${secret}`,
];

const right = {
  auth: { USERS_FILE: '/nowhere', REDIS_URL: 'redis://127.0.0.1:1' },
  orders: { DATABASE_URL: 'postgres://orders:x@127.0.0.1:1/orders', REDIS_URL: 'redis://127.0.0.1:1' },
  edge: { AUTH_URLS: 'http://127.0.0.1:1', ORDERS_URLS: 'http://127.0.0.1:1' },
} as const;
type Service = keyof typeof right;
const shapes: Record<Service, ConfigShape> = {
  auth: authEnvironment,
  orders: ordersEnvironment,
  edge: edgeEnvironment,
};
const checks = [serviceEnvironmentMistakes, sessionEnvironmentMistakes, oidcEnvironmentMistakes];

/** Every piece of six characters of the secret that the text repeats. */
const leaked = (text: string, secret: string) =>
  Array.from({ length: secret.length - 5 }, (_, at) => secret.slice(at, at + 6)).filter((piece) =>
    text.includes(piece),
  );

const refuse = (service: Service, env: Record<string, string>): string | undefined => {
  try {
    parseConfig(shapes[service], { ...right[service], ...env }, { checks: service === 'edge' ? [] : checks });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

function run(args: string[], env: Record<string, string>): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, args, { cwd: root, env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? error?.signal ?? 0, output: stdout + stderr }),
    ),
  );
}

const services = Object.keys(right) as Service[];

describe('no message about a wrong configuration repeats any part of a secret', () => {
  test.each(services)('of %s, whichever variable it is in and however that is malformed', (service) => {
    let refused = 0;
    for (const name of Object.keys(shapes[service])) {
      for (const form of forms) {
        const secret = newSecret();
        const message = refuse(service, { [name]: form(secret) });
        if (message === undefined) continue;
        refused++;
        expect(leaked(message, secret), `${name}: ${message}`).toEqual([]);
        expect(message).toContain(name);
      }
    }
    expect(refused).toBeGreaterThan(forms.length);
  });

  test.each(services)(
    'of the process of %s, every variable malformed at once',
    async (service) => {
      const secret = newSecret();
      const malformed = Object.keys(shapes[service]).flatMap((name) => {
        const start = Math.floor(Math.random() * forms.length);
        const found = [...forms.slice(start), ...forms].find((form) => refuse(service, { [name]: form(secret) }));
        return found && name !== 'LOG_LEVEL' ? [[name, found(secret)] as const] : [];
      });
      const env = { ...right[service], ...Object.fromEntries(malformed) };
      const { code, output } = await run([`services/${service}/src/main.ts`], env);
      expect(code, output).toBe(1);
      expect(leaked(output, secret), output).toEqual([]);
      expect(output).toContain(`${malformed.at(-1)?.[0]} is wrong`);
    },
    90_000,
  );

  test.each(['USERS_FILE', 'JWT_KEYS_FILE', 'INTROSPECTION_CLIENTS_FILE', 'PLACES_FILE'])(
    'of auth, where %s holds the secret in place of a path, or the file has it in the wrong form',
    async (name) => {
      await using folder = await createTemporaryFolder('secrets');
      const path = join(folder.path, 'file');
      const users = join(folder.path, 'users.json');
      const passwordHash = await hashPassword('x', { memoryKiB: 8, passes: 1, parallelism: 1 });
      await writeFile(users, JSON.stringify([{ id: 'a', username: 'a', passwordHash }]));
      const secret = newSecret();
      const contents = [
        `{"keys": [{"${secret}": "${secret}"}]}`,
        JSON.stringify([
          { id: 'a', username: 'a', passwordHash: secret, [secret]: secret },
          { id: secret.repeat(9), secretSha256: [secret] },
        ]),
        `${secret}`,
      ];
      for (const content of [undefined, ...contents]) {
        if (content !== undefined) await writeFile(path, content);
        const env = { ...right.auth, USERS_FILE: users, [name]: content === undefined ? secret : path };
        const { code, output } = await run(['services/auth/src/main.ts'], env);
        expect(code, output).toBe(1);
        expect(output).toContain(name);
        expect(leaked(output, secret), output).toEqual([]);
      }
    },
    180_000,
  );

  test('of `npm start`, whose variables are lists of ports', async () => {
    const secret = newSecret();
    const names = Object.values(layoutVariables).map(({ variable }) => variable);
    const env = Object.fromEntries(names.map((name, index) => [name, forms[index % 9]?.(secret) ?? secret]));
    const { code, output } = await run(['services/local/src/main.ts'], env);
    expect(code, output).toBe(1);
    for (const name of names) expect(output).toContain(name);
    expect(leaked(output, secret), output).toEqual([]);
  }, 60_000);
});

test.each([
  ['#', /has a # in it/],
  ['/', /has an @ behind the address/],
  ['?', /has an @ behind the address/],
])('a password with %s in DATABASE_URL is answered with how to percent-encode it', (special, message) => {
  const refused = refuse('orders', { DATABASE_URL: `postgres://orders:123${special}456@127.0.0.1:5432/orders` });
  expect(refused).toMatch(message);
  expect(refused).toContain('% as %25, / as %2F, ? as %3F, # as %23, @ as %40 and : as %3A');
  const encoded = encodeURIComponent(`123${special}456`);
  expect(refuse('orders', { DATABASE_URL: `postgres://orders:${encoded}@127.0.0.1:5432/orders` })).toBeUndefined();
});

test('an item of a list is named by its number', () => {
  const message = refuse('auth', { REDIS_URL: '', REDIS_SENTINELS: 'a:1,b,c:3', REDIS_MASTER_NAME: 'x' });
  expect(message).toContain('REDIS_SENTINELS is wrong: must be host:port (item 2).');
  expect(refuse('auth', { TRUSTED_ORIGINS: 'https://a.example,b' })).toContain('(item 2)');
  expect(refuse('auth', { TRUSTED_PROXIES: '10.0.0.0/8,b' })).toContain('(item 2)');
});

import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHealth, createLogger, createServiceMetrics } from '@holdfast/runtime';
import { SESSION_COOKIE, type SessionStore, type SessionStoreOptions, SessionStore as Store } from '@holdfast/session';
import type { AuthApp, AuthConfig, AuthServices } from '../../services/auth/src/auth-context.ts';
import { createApp } from '../../services/auth/src/create-app.ts';
import { createLimiter } from '../../services/auth/src/create-limiter.ts';
import { createIntrospectionClients } from '../../services/auth/src/introspection-clients.ts';
import { hashPassword } from '../../services/auth/src/password-hash.ts';
import { generateSigningKeys } from '../../services/auth/src/signing-keys.ts';
import { createUserDirectory } from '../../services/auth/src/user-directory.ts';
import { pollUntil } from './poll-until.ts';
import { startRedis, type TestRedis } from './redis-server.ts';

export const SITE = 'https://shop.example';

export interface TestAuth extends AsyncDisposable {
  app: AuthApp;
  redis: TestRedis;
  sessions: SessionStore;
  /** Every line that was logged so far. */
  logLines(): Record<string, unknown>[];
  logText(): string;
  /** A request as a browser on the own site sends it. */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>;
  /** Writes it to the users file, which is read again in a moment. */
  setPassword(username: string, password: string): Promise<void>;
  logIn(
    username?: string,
    headers?: Record<string, string>,
  ): Promise<{ cookie: string; id: string; response: Response }>;
}

export interface AskOptions {
  cookie?: string;
  bearer?: string;
  body?: unknown;
  /** Sent as a form of a page is, instead of `body`. */
  form?: Record<string, string>;
  headers?: Record<string, string>;
}

/** May introspect tokens. */
export const CLIENT = { id: 'reports', secret: 'the random secret of a client: %+/' };

export const PASSWORD = 'correct horse battery staple';

/** The code of a problem that was answered. */
export const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;

/** The session cookie that an answer sets, as a browser sends it back; undefined where it sets none. */
export const newCookie = (response: Response) =>
  response.headers
    .getSetCookie()
    .find((cookie) => cookie.startsWith(`${SESSION_COOKIE}=`))
    ?.split(';')[0];

/** The auth app over a real Redis, with users `alice`, `bob` and more, and the admin `admin`, whose password is {@link PASSWORD}. */
export async function createTestAuth(
  config: Partial<AuthConfig> = {},
  store: Partial<SessionStoreOptions> = {},
  services: Partial<AuthServices> = {},
  commandTimeoutMs?: number,
): Promise<TestAuth> {
  const [redis, keys] = [await startRedis(), await generateSigningKeys()];
  const sessions = new Store({
    redis: redis.configFor('auth', commandTimeoutMs),
    role: 'auth',
    idleTimeoutMs: 1_800_000,
    absoluteTimeoutMs: 43_200_000,
    waitReplicas: 0,
    waitTimeoutMs: 500,
    retryBudgetMs: 500,
    nameKeys: () => keys.derive('names'),
    ...store,
  });
  sessions.connect();
  await pollUntil('the function library', 10_000, () => sessions.list('nobody').then(() => true));
  const passwordHash = await hashPassword(PASSWORD);
  const users = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'admin'].map((username) => ({
    id: `id-${username}`,
    username,
    passwordHash,
    roles: [username === 'admin' ? 'admin' : 'customer'],
  }));
  const usersFile = join(redis.folder, 'users.json');
  await writeFile(usersFile, JSON.stringify(users));
  const directory = createUserDirectory(usersFile);
  const clientsFile = join(redis.folder, 'clients.json');
  await writeFile(clientsFile, JSON.stringify([{ id: CLIENT.id, secretSha256: [hash('sha256', CLIENT.secret)] }]));
  let text = '';
  const destination = {
    write: (line: string) => {
      text += line;
    },
  };
  const app = createApp({
    config: {
      trustedOrigins: [SITE],
      trustedProxies: { kind: 'hops', count: 1 },
      issuer: 'https://auth.example',
      audiences: ['orders'],
      adminMaxAuthAgeMs: 900_000,
      loginLimits: {
        perAccount: 5,
        perAddress: 1000,
        windowMs: 60_000,
        perDay: 100,
        inARow: 0,
        successesPerMinute: 100,
      },
      ...config,
    },
    sessions,
    users: directory,
    keys,
    clients: createIntrospectionClients(clientsFile),
    metrics: createServiceMetrics(),
    limitHashing: createLimiter({ concurrency: 2, queueLimit: 100, deadlineMs: 5000 }),
    logger: createLogger({ service: 'auth', level: 'trace', destination }),
    health: createHealth({ checks: { redis: () => sessions.ping() } }),
    ...services,
  });
  const ask: TestAuth['ask'] = async (method, path, { cookie, bearer, body, form, headers } = {}) =>
    app.request(path, {
      method,
      headers: {
        'sec-fetch-site': 'same-origin',
        ...(cookie === undefined ? {} : { cookie }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
  return {
    app,
    redis,
    sessions,
    logText: () => text,
    logLines: () =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    ask,
    async setPassword(username, password) {
      const passwordHash = await hashPassword(password);
      const changed = users.map((user) => (user.username === username ? { ...user, passwordHash } : user));
      await writeFile(usersFile, JSON.stringify(changed));
    },
    async logIn(username = 'alice', headers = {}) {
      const response = await ask('POST', '/v1/sessions', { body: { username, password: PASSWORD }, headers });
      if (response.status !== 201) throw new Error(`login answered ${response.status}: ${await response.text()}`);
      const cookie = (response.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
      const { session } = (await response.clone().json()) as { session: { id: string } };
      return { cookie, id: session.id, response };
    },
    async [Symbol.asyncDispose]() {
      directory.close();
      await sessions.close();
      await redis[Symbol.asyncDispose]();
    },
  };
}

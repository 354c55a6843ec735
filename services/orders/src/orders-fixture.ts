// The orders app over a real PostgreSQL and Redis, with the real auth app to log in at and to fetch keys from.
import { createHealth, createLogger, createServiceMetrics, type RunningServer, startServer } from '@holdfast/runtime';
import { SessionStore } from '@holdfast/session';
import { createTestAuth, SITE, type TestAuth } from '../../../tests/support/auth-app.ts';
import { startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { reservePort } from '../../../tests/support/reserve-port.ts';
import { createApp } from './create-app.ts';
import { createDatabase } from './create-database.ts';
import { createTokenVerifier } from './create-token-verifier.ts';
import { migrate } from './migrate.ts';
import { createOrderRepository } from './order-repository.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the service answered, for assertions
  body: any;
}

export interface AskOptions {
  cookie?: string;
  bearer?: string;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TestOrders extends AsyncDisposable {
  app: ReturnType<typeof createApp>;
  auth: TestAuth;
  postgres: TestPostgres;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** The `Cookie` of a new login. */
  logIn(username?: string): Promise<string>;
  /** A JWT that auth issued for orders. */
  getJwt(username?: string): Promise<string>;
  issuer: string;
  /** Auth as orders reaches it for its keys. */
  startAuth(): Promise<void>;
  stopAuth(): Promise<void>;
  logText(): string;
}

const issuer = 'https://auth.example';

/** @param through what stands between orders and PostgreSQL, such as a pooler */
export async function createTestOrders(
  through?: (postgres: TestPostgres) => Promise<AsyncDisposable & { url: string }>,
): Promise<TestOrders> {
  await using stack = new AsyncDisposableStack();
  const [auth, postgres, authPort] = await Promise.all([createTestAuth(), startPostgres(), reservePort()]);
  stack.use(auth);
  stack.use(postgres);
  await migrate(parseDatabaseUrl(postgres.url));
  const between = through && stack.use(await through(postgres));
  let text = '';
  const destination = {
    write: (line: string) => {
      text += line;
    },
  };
  const logger = createLogger({ service: 'orders', level: 'trace', destination });
  const sessions = new SessionStore({
    redis: auth.redis.configFor('validator'),
    role: 'validator',
    idleTimeoutMs: 1_800_000,
    absoluteTimeoutMs: 43_200_000,
    waitReplicas: 0,
    waitTimeoutMs: 500,
    retryBudgetMs: 500,
  });
  sessions.connect();
  stack.defer(() => sessions.close());
  const database = createDatabase({
    target: { current: parseDatabaseUrl(between?.url ?? postgres.url) },
    poolSize: 10,
    timeoutMs: 800,
  });
  stack.defer(() => database.close());
  const orders = createOrderRepository(database);
  const app = createApp({
    config: { trustedOrigins: [SITE] },
    sessions,
    orders,
    verifyToken: createTokenVerifier({
      jwksUrl: `http://127.0.0.1:${authPort}/.well-known/jwks.json`,
      issuer,
      audience: 'orders',
    }),
    logger,
    health: createHealth({ checks: { redis: () => sessions.ping(), postgres: () => orders.ping() } }),
    metrics: createServiceMetrics(),
  });
  let authServer: RunningServer | undefined;
  const stopAuth = async () => {
    await authServer?.close();
    authServer = undefined;
  };
  stack.defer(stopAuth);
  const ask: TestOrders['ask'] = async (method, path, { cookie, bearer, body, headers } = {}) => {
    const response = await app.request(path, {
      method,
      headers: {
        'sec-fetch-site': 'same-origin',
        ...(cookie === undefined ? {} : { cookie }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
  const resources = stack.move();
  return {
    app,
    auth,
    postgres,
    ask,
    issuer,
    logText: () => text,
    logIn: async (username) => (await auth.logIn(username)).cookie,
    getJwt: async (username) => {
      const { cookie } = await auth.logIn(username);
      const response = await auth.ask('POST', '/v1/token', { cookie, body: { audience: 'orders' } });
      return ((await response.json()) as { token: string }).token;
    },
    startAuth: async () => {
      authServer = await startServer({
        app: auth.app,
        host: '127.0.0.1',
        port: authPort,
        health: createHealth({ checks: {} }),
        logger,
        keepAliveTimeoutMs: 1000,
        drainDelayMs: 0,
        drainTimeoutMs: 0,
        handleSignals: false,
      });
    },
    stopAuth,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

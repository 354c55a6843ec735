import {
  createErrorLog,
  createHealth,
  createLogger,
  createTelemetry,
  parseConfig,
  runMain,
  StartError,
  serviceEnvironmentMistakes,
  startServer,
} from '@holdfast/runtime';
import { createSessionStore, sessionEnvironmentMistakes } from '@holdfast/session';
import { authEnvironment } from './auth-environment.ts';
import { createApp } from './create-app.ts';
import { createLimiter } from './create-limiter.ts';
import { createIntrospectionClients, noIntrospectionClients } from './introspection-clients.ts';
import { createOidcServices } from './oidc/create-oidc-services.ts';
import { oidcEnvironmentMistakes } from './oidc/oidc-environment.ts';
import { createPlaces } from './pages/create-places.ts';
import { createSigningKeys, generateSigningKeys } from './signing-keys.ts';
import { createUserDirectory } from './user-directory.ts';

/** Logins that may wait for their password to be hashed, and for how long; people wait no longer. */
const HASHING_QUEUE = { queueLimit: 200, deadlineMs: 5000 };

await runMain(async () => {
  const env = parseConfig(authEnvironment, process.env, {
    checks: [serviceEnvironmentMistakes, sessionEnvironmentMistakes, oidcEnvironmentMistakes],
  });
  const logger = createLogger({ service: 'auth', instance: env.INSTANCE_NAME, level: env.LOG_LEVEL });
  const onFileError = (error: Error) =>
    logger.error({ err: error }, 'a changed file can’t be used; the last good one stays');
  const users = await orStartError('USERS_FILE', () => createUserDirectory(env.USERS_FILE, onFileError));
  const { PLACES_FILE: placesFile } = env;
  const places = placesFile && (await orStartError('PLACES_FILE', () => createPlaces(placesFile)));
  const keys = await orStartError('JWT_KEYS_FILE', () =>
    env.JWT_KEYS_FILE === undefined ? generateSigningKeys() : createSigningKeys(env.JWT_KEYS_FILE, onFileError),
  );
  const clientsFile = env.INTROSPECTION_CLIENTS_FILE;
  const clients = await orStartError('INTROSPECTION_CLIENTS_FILE', () =>
    clientsFile === undefined ? noIntrospectionClients : createIntrospectionClients(clientsFile, onFileError),
  );
  if (env.JWT_KEYS_FILE === undefined) {
    logger.warn('JWT_KEYS_FILE is not set: the keys are this process’s own, so run a single replica');
  }
  const onProviderError = createErrorLog(logger, 'identity provider');
  const oidc = await orStartError('OIDC_CLIENT_SECRET_FILE', () =>
    createOidcServices(env, { onFileError, onProviderError }),
  );
  const telemetry = await createTelemetry({
    service: 'auth',
    host: env.HOST,
    metricsPort: env.METRICS_PORT,
    env: process.env,
    logger,
  });
  const { metrics, tracing } = telemetry;
  const sessions = createSessionStore(env, {
    role: 'auth',
    maxPerUser: env.SESSION_MAX_PER_USER,
    maxPerUserAction: env.SESSION_MAX_PER_USER_ACTION,
    rotateMs: env.SESSION_ROTATE_MS,
    nameKeys: () => keys.derive('names'),
    onCall: metrics.recordStoreCall,
    onError: createErrorLog(logger, 'redis'),
  });
  metrics.observeSessions(() => sessions.count());
  const health = createHealth({ checks: { redis: () => sessions.ping() } });
  const servedBy = env.EXPOSE_INSTANCE ? env.INSTANCE_NAME : undefined;
  const app = createApp({
    config: {
      trustedOrigins: env.TRUSTED_ORIGINS,
      trustedProxies: env.TRUSTED_PROXIES,
      issuer: env.JWT_ISSUER,
      audiences: env.TOKEN_AUDIENCES,
      adminMaxAuthAgeMs: env.ADMIN_MAX_AUTH_AGE_MS,
      loginLimits: {
        perAccount: env.LOGIN_FAILURES_PER_ACCOUNT,
        perAddress: env.LOGIN_FAILURES_PER_ADDRESS,
        windowMs: env.LOGIN_WINDOW_MS,
        perDay: env.LOGIN_FAILURES_PER_DAY,
        inARow: env.LOGIN_FAILURES_IN_A_ROW,
        successesPerMinute: env.LOGIN_SUCCESSES_PER_MINUTE,
      },
    },
    sessions,
    users,
    places: places || undefined,
    keys,
    clients,
    metrics,
    oidc,
    limitHashing: createLimiter({ concurrency: env.LOGIN_CONCURRENCY, ...HASHING_QUEUE }),
    logger,
    health,
    tracing,
    servedBy,
  });
  await startServer({
    app,
    host: env.HOST,
    port: env.PORT,
    health,
    logger,
    servedBy,
    strictTransportSecurity: env.STRICT_TRANSPORT_SECURITY,
    keepAliveTimeoutMs: env.KEEP_ALIVE_TIMEOUT_MS,
    drainDelayMs: env.DRAIN_DELAY_MS,
    drainTimeoutMs: env.DRAIN_TIMEOUT_MS,
    resources: [
      { name: 'session store', close: () => sessions.close() },
      { name: 'telemetry', close: () => telemetry.close() },
    ],
  });
});

/** What is wrong with a file at the start is for the operator to mend. */
async function orStartError<T>(variable: string, create: () => T | Promise<T>): Promise<T> {
  try {
    return await create();
  } catch (cause) {
    throw new StartError(`${variable}: ${(cause as Error).message}`, { cause });
  }
}

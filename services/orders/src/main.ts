import {
  createErrorLog,
  createHealth,
  createLogger,
  createSecret,
  createTelemetry,
  parseConfig,
  RefusedError,
  runMain,
  serviceEnvironmentMistakes,
  startServer,
} from '@holdfast/runtime';
import { createSessionStore, sessionEnvironmentMistakes } from '@holdfast/session';
import { createApp } from './create-app.ts';
import { createDatabase } from './create-database.ts';
import { createTokenVerifier } from './create-token-verifier.ts';
import { isRefusal } from './database-errors.ts';
import { keepMigrating } from './keep-migrating.ts';
import { createOrderRepository } from './order-repository.ts';
import { ordersEnvironment } from './orders-environment.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';

await runMain(async () => {
  const { env } = process;
  const config = parseConfig(ordersEnvironment, env, {
    requiredSecrets: ['DATABASE_URL'],
    checks: [serviceEnvironmentMistakes, sessionEnvironmentMistakes],
  });
  const { HOST: host, INSTANCE_NAME: instance } = config;
  const servedBy = config.EXPOSE_INSTANCE ? instance : undefined;
  const logger = createLogger({ service: 'orders', instance, level: config.LOG_LEVEL });
  const telemetry = await createTelemetry({ service: 'orders', host, metricsPort: config.METRICS_PORT, env, logger });
  const { metrics, tracing } = telemetry;

  const sessions = createSessionStore(config, {
    role: 'validator',
    onCall: metrics.recordStoreCall,
    onError: createErrorLog(logger, 'redis'),
  });

  const onDatabaseError = createErrorLog(logger, 'postgres');
  const databaseTarget = createSecret(config.DATABASE_URL, config.DATABASE_URL_FILE, parseDatabaseUrl, {
    onChange: () => database.reconnect(),
    onError: onDatabaseError,
  });
  const database = createDatabase({
    target: databaseTarget,
    poolSize: config.DATABASE_POOL_SIZE,
    timeoutMs: config.DATABASE_TIMEOUT_MS,
    onError: onDatabaseError,
    onPooler: (error) =>
      logger.warn(
        { err: error },
        'PostgreSQL is behind a pooler such as PgBouncer that takes no statement_timeout or no prepared statements: set query_timeout there, so that what nobody waits for ends',
      ),
  });
  const migration = keepMigrating({
    target: () => databaseTarget.current,
    onError: onDatabaseError,
    onDone: () => logger.info('the tables are there'),
  });
  const orders = createOrderRepository(database);

  const health = createHealth({
    checks: {
      redis: () => sessions.ping(),
      postgres: async () => {
        try {
          if (!migration.done) throw migration.failure ?? new Error('the tables are not there yet');
          await orders.ping();
        } catch (error) {
          throw isRefusal(error) ? new RefusedError() : error;
        }
      },
    },
  });
  const jwksUrl = config.AUTH_JWKS_URL;
  const verifyToken = jwksUrl && createTokenVerifier({ jwksUrl, issuer: config.AUTH_ISSUER, audience: 'orders' });
  // A new pod that has the keys before its first request needs no auth for it, which may be replaced at the same time.
  if (verifyToken) await verifyToken.load().catch(createErrorLog(logger, 'auth'));
  const app = createApp({
    config: { trustedOrigins: config.TRUSTED_ORIGINS },
    sessions,
    orders,
    verifyToken: verifyToken || undefined,
    logger,
    health,
    metrics,
    tracing,
    servedBy,
  });
  await startServer({
    app,
    host,
    port: config.PORT,
    health,
    logger,
    servedBy,
    strictTransportSecurity: config.STRICT_TRANSPORT_SECURITY,
    keepAliveTimeoutMs: config.KEEP_ALIVE_TIMEOUT_MS,
    drainDelayMs: config.DRAIN_DELAY_MS,
    drainTimeoutMs: config.DRAIN_TIMEOUT_MS,
    resources: [
      { name: 'redis', close: () => sessions.close() },
      {
        name: 'postgres',
        close: () => {
          migration.close();
          databaseTarget.close();
          return database.close();
        },
      },
      { name: 'telemetry', close: telemetry.close },
    ],
  });
});

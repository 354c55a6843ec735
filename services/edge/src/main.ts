import { createHealth, createLogger, parseConfig, runMain, startServer } from '@holdfast/runtime';
import { createApp } from './create-app.ts';
import { createUpstream } from './create-upstream.ts';
import { edgeEnvironment } from './edge-environment.ts';

await runMain(async () => {
  const env = parseConfig(edgeEnvironment, process.env);
  const logger = createLogger({ service: 'edge', instance: env.INSTANCE_NAME, level: env.LOG_LEVEL });
  const auth = createUpstream({ urls: env.AUTH_URLS });
  const orders = createUpstream({ urls: env.ORDERS_URLS });
  await startServer({
    app: createApp({ auth, orders, logger }),
    host: env.HOST,
    port: env.PORT,
    health: createHealth({ checks: {} }),
    logger,
    strictTransportSecurity: env.STRICT_TRANSPORT_SECURITY,
    keepAliveTimeoutMs: env.KEEP_ALIVE_TIMEOUT_MS,
    drainDelayMs: env.DRAIN_DELAY_MS,
    drainTimeoutMs: env.DRAIN_TIMEOUT_MS,
  });
});

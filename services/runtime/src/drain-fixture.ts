// A service as small as it gets, for the tests that need a process of their own. GET /work?ms=5 takes that long;
// GET /block?ms=5 keeps the whole process busy for as long.
import { setTimeout as wait } from 'node:timers/promises';
import { createHealth } from './create-health.ts';
import { createLogger } from './create-logger.ts';
import { createServiceApp } from './create-service-app.ts';
import { createTelemetry } from './create-telemetry.ts';
import { parseConfig } from './parse-config.ts';
import { runMain } from './run-main.ts';
import { serviceEnvironment, serviceEnvironmentMistakes } from './service-environment.ts';
import { startServer } from './start-server.ts';

await runMain(async () => {
  const { env } = process;
  const config = parseConfig(serviceEnvironment, env, { checks: [serviceEnvironmentMistakes] });
  const { HOST: host, PORT: port, METRICS_PORT: metricsPort, INSTANCE_NAME: servedBy } = config;
  const logger = createLogger({ service: 'fixture', level: config.LOG_LEVEL });
  const health = createHealth({ checks: {} });
  const telemetry = await createTelemetry({ service: 'fixture', host, metricsPort, env, logger });
  const { metrics, tracing } = telemetry;
  const app = createServiceApp({ title: 'fixture', version: '0', logger, health, metrics, tracing, servedBy });
  app.get('/work', async (c) => {
    await wait(Number(c.req.query('ms')));
    return c.json({ done: true });
  });
  app.post('/work', async (c) => c.json(await c.req.json()));
  app.get('/block', (c) => {
    process.stdout.write('{"blocking":true}\n');
    for (const end = performance.now() + Number(c.req.query('ms')); performance.now() < end; );
    return c.json({ done: true });
  });
  const closed: string[] = [];
  const server = await startServer({
    app,
    host,
    port,
    health,
    logger,
    servedBy,
    strictTransportSecurity: config.STRICT_TRANSPORT_SECURITY,
    keepAliveTimeoutMs: config.KEEP_ALIVE_TIMEOUT_MS,
    drainDelayMs: config.DRAIN_DELAY_MS,
    drainTimeoutMs: config.DRAIN_TIMEOUT_MS,
    resources: [
      { name: 'store', close: () => closed.push('store') },
      { name: 'database', close: () => closed.push('database') },
      {
        name: 'telemetry',
        close: async () => {
          await telemetry.close();
          process.stdout.write(`${JSON.stringify({ closedInOrder: [...closed, 'telemetry'] })}\n`);
        },
      },
    ],
  });
  process.stdout.write(`${JSON.stringify({ started: true, port: server.port, metricsPort: telemetry.metricsPort })}\n`);
});

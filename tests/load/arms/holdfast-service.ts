import { createHealth, createLogger, createServiceApp, createTelemetry, startServer } from '@holdfast/runtime';
import { requireSession, type SessionVariables } from '@holdfast/session';
import type { Arm, ArmSettings } from './arm.ts';
import { openStores, seedSessions } from './holdfast-stores.ts';

/** The same in a whole service as auth and orders are one: request ids, security headers, metrics, drain. Logs are off. */
export async function createArm(settings: ArmSettings): Promise<Arm> {
  const logger = createLogger({ service: 'bench', level: 'silent' });
  const { metrics, tracing } = await createTelemetry({
    service: 'bench',
    host: '127.0.0.1',
    metricsPort: 0,
    env: {},
    logger,
  });
  const { sessions, owner } = await openStores(settings, { onCall: metrics.recordStoreCall });
  const health = createHealth({ checks: {} });
  const app = createServiceApp<SessionVariables>({ title: 'bench', version: '1', logger, health, metrics, tracing });
  const guard = requireSession({ sessions, trustedOrigins: [], onValidation: metrics.recordValidation });
  app.get('/me', guard, (c) => {
    const { userId, roles } = c.get('session');
    return c.json({ userId, roles });
  });
  return {
    listen: async () => {
      const server = await startServer({
        app,
        host: '127.0.0.1',
        port: 0,
        health,
        logger,
        keepAliveTimeoutMs: 65_000,
        drainDelayMs: 0,
        drainTimeoutMs: 1000,
      });
      return server.port;
    },
    seed: (userIds) => seedSessions(owner, userIds),
  };
}

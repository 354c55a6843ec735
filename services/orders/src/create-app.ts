import { createServiceApp, type Health, type Logger, type ServiceApp, type ServiceMetrics } from '@holdfast/runtime';
import type { SessionStore } from '@holdfast/session';
import type { VerifyToken } from './create-token-verifier.ts';
import type { OrderRepository } from './order-repository.ts';
import { type CallerVariables, requireCaller } from './require-caller.ts';
import { addOrderRoutes } from './routes/orders.ts';
import { addOrdersPage } from './routes/orders-page.ts';

export interface OrdersConfig {
  trustedOrigins: readonly string[];
}

export interface OrdersAppOptions {
  config: OrdersConfig;
  sessions: SessionStore;
  orders: OrderRepository;
  /** Absent where no JWT is accepted. */
  verifyToken?: VerifyToken | undefined;
  logger: Logger;
  health: Health;
  metrics: ServiceMetrics;
  tracing?: boolean;
  servedBy?: string | undefined;
}

/** The orders service as an app that opens no sockets: tests call `app.request()`. */
export function createApp(options: OrdersAppOptions): ServiceApp<CallerVariables> {
  const { config, sessions, orders, verifyToken, logger, health, metrics, tracing = false, servedBy } = options;
  const app = createServiceApp<CallerVariables>({
    title: 'Holdfast orders',
    version: '1',
    description: 'Keeps orders, and validates sessions as any service would.',
    tags: { orders: 'The caller’s own orders', pages: 'What people see' },
    logger,
    health,
    metrics,
    tracing,
    servedBy,
  });
  const caller = { sessions, trustedOrigins: config.trustedOrigins, onValidation: metrics.recordValidation };
  addOrderRoutes(app, { orders, guard: requireCaller({ ...caller, verifyToken }) });
  addOrdersPage(app, { ...caller, orders, servedBy });
  return app;
}

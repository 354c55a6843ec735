import { createServiceApp, type Health, type Logger } from '@holdfast/runtime';
import type { AuthApp, AuthServices, AuthVariables } from './auth-context.ts';
import { addAdminRoutes } from './routes/admin.ts';
import { addIntrospectRoute } from './routes/introspect.ts';
import { addLoginRoute } from './routes/login.ts';
import { addOidcLogoutRoutes } from './routes/oidc-logout.ts';
import { addPages } from './routes/pages.ts';
import { addReauthenticateRoute } from './routes/reauthenticate.ts';
import { addSessionRoute } from './routes/session.ts';
import { addSessionsRoutes } from './routes/sessions.ts';
import { addTokenRoutes } from './routes/token.ts';

export interface AuthAppOptions extends AuthServices {
  logger: Logger;
  health: Health;
  tracing?: boolean;
  servedBy?: string | undefined;
}

/** The auth service as an app that opens no sockets: tests call `app.request()`. */
export function createApp(options: AuthAppOptions): AuthApp {
  const { logger, health, metrics, tracing, servedBy } = options;
  const app = createServiceApp<AuthVariables>({
    title: 'Holdfast auth',
    version: '1',
    description: 'Creates, lists and ends login sessions.',
    tags: {
      session: 'The session of the request itself',
      sessions: 'Logging in, and all sessions of the caller',
      tokens: 'What services that can’t reach Redis go by',
      administration: 'The sessions of others, for admins',
      pages: 'What people see',
      'single sign-on': 'OpenID Connect, where a provider is configured',
    },
    logger,
    health,
    metrics,
    servedBy,
    ...(tracing === undefined ? {} : { tracing }),
  });
  addLoginRoute(app, options);
  addSessionRoute(app, options);
  addReauthenticateRoute(app, options);
  addSessionsRoutes(app, options);
  addTokenRoutes(app, options);
  addIntrospectRoute(app, options);
  addAdminRoutes(app, options);
  // Before the pages, which take nothing that another site has sent.
  if (options.oidc) addOidcLogoutRoutes(app, options, options.oidc);
  addPages(app, options, servedBy);
  return app;
}

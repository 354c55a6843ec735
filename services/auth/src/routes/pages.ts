import { createPages, seeOther } from '@holdfast/pages';
import { createRoute } from '@hono/zod-openapi';
import type { AuthApp, AuthServices, AuthVariables } from '../auth-context.ts';
import { addAccountPages } from './account-pages.ts';
import { addKeptFormPages } from './kept-form.ts';
import { addOidcSignIn } from './oidc-sign-in.ts';
import { addSignInPages } from './sign-in-pages.ts';

const front = createRoute({
  method: 'get',
  path: '/',
  operationId: 'home',
  tags: ['pages'],
  summary: 'Leads to the account page',
  responses: { 302: seeOther },
});

/** `/auth/…`: what people see of this service. */
export function addPages(app: AuthApp, services: AuthServices, servedBy: string | undefined): void {
  const pages = createPages<AuthVariables>({ trustedOrigins: services.config.trustedOrigins, servedBy });
  addSignInPages(pages, services);
  addAccountPages(pages, services);
  addKeptFormPages(pages, services);
  if (services.oidc) addOidcSignIn(pages, services, services.oidc);
  app.route('/auth', pages);
  app.openapi(front, (c) => c.redirect('/auth', 302));
}

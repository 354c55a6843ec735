import { validationHook } from '@holdfast/runtime';
import { requireSameOrigin } from '@holdfast/session';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { answerPageError } from './answer-page-error.ts';
import type { PageEnv, PageVariables } from './page-context.ts';

export interface PagesOptions {
  trustedOrigins: readonly string[];
  /** The instance's name, where pages may tell it. */
  servedBy?: string | undefined;
}

export type Pages<V extends object = object> = OpenAPIHono<{
  Bindings: PageEnv['Bindings'];
  Variables: PageEnv['Variables'] & V;
}>;

/**
 * The part of a service that people see, to be mounted at a path with `app.route()`: its errors are pages too, its forms
 * take nothing from other sites, and its routes go into the service's OpenAPI document.
 */
export function createPages<V extends object = object>({ trustedOrigins, servedBy }: PagesOptions): Pages<V> {
  const pages = new OpenAPIHono<PageEnv>({ defaultHook: validationHook });
  pages.onError(answerPageError);
  const preparePage: MiddlewareHandler<{ Variables: PageVariables }> = async (c, next) => {
    if (servedBy !== undefined) c.set('servedBy', servedBy);
    requireSameOrigin(c.req.method, (name) => c.req.header(name), trustedOrigins);
    await next();
  };
  pages.use(preparePage);
  return pages as unknown as Pages<V>;
}

import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { matchedRoute } from './matched-route.ts';
import { problemSchema } from './response-contents.ts';
import type { ServiceEnv } from './service-context.ts';

export interface ApiInfo {
  title: string;
  version: string;
  description?: string | undefined;
  /** What the tags of the routes stand for, in the order they are shown. */
  tags?: Readonly<Record<string, string>> | undefined;
}

interface Operation {
  tags?: string[];
  security?: object[];
  requestBody?: object;
  responses: Record<string, object>;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
const refusal = (description: string) => ({ description, content: problem });

/** What any request may be refused with before its handler runs. */
const anyRefusals = { 400: refusal('The request, its query or its session token is malformed') };
const bodyRefusals = {
  400: refusal('The request or its body is malformed'),
  413: refusal('The body is too large'),
  415: refusal('The body is of another media type: `Accept-Post` names the right one'),
};

/** The OpenAPI document of the app's routes, with what is true of all of them. */
export function createApiDocument(app: OpenAPIHono<ServiceEnv>, { description, tags, ...info }: ApiInfo): object {
  app.openAPIRegistry.register('Problem', problemSchema);
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      ...info,
      ...(description === undefined ? {} : { description }),
      contact: { name: 'The maintainers of Holdfast' },
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    // Wherever the document is served from.
    servers: [{ url: '/' }],
  });
  const operations = Object.values(document.paths ?? {}).flatMap((path) =>
    methods.flatMap((method) => (path[method] as Operation | undefined) ?? []),
  );
  for (const operation of operations) {
    operation.security ??= [];
    operation.responses = { ...(operation.requestBody ? bodyRefusals : anyRefusals), ...operation.responses };
  }
  const used = new Set(operations.flatMap((operation) => operation.tags ?? []));
  const described = Object.entries(tags ?? {}).flatMap(([name, text]) =>
    used.has(name) ? [{ name, description: text }] : [],
  );
  return { ...document, tags: described };
}

/** The media types of bodies that the route of this request takes; empty where it takes none. */
export function acceptedTypes(app: OpenAPIHono<ServiceEnv>, c: Context): string[] {
  const path = matchedRoute(c);
  const found = app.openAPIRegistry.definitions.find(
    (definition) =>
      definition.type === 'route' &&
      definition.route.method === c.req.method.toLowerCase() &&
      definition.route.path.replaceAll(/\{(\w+)\}/g, ':$1') === path,
  );
  return found?.type === 'route' ? Object.keys(found.route.request?.body?.content ?? {}) : [];
}

import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Logger } from './create-logger.ts';

/** What every request of a service has in its context. */
export interface ServiceVariables {
  requestId: string;
  /** The service's logger; {@link requestLog} gives the request's. */
  logger: Logger;
  log?: Logger;
  /** For the request's log line, where the request has no `session` of which to take it. */
  sessionId?: string;
}

export interface ServiceEnv<V extends object = object> {
  /** Absent in tests that call `app.request()`. */
  Bindings: Partial<HttpBindings>;
  Variables: ServiceVariables & V;
}

/** A logger whose lines carry the request id. It is made when it is first asked for: most requests never do. */
// biome-ignore lint/suspicious/noExplicitAny: a context of any service will do, whatever variables it adds
export function requestLog(c: Context<any>): Logger {
  const { get, set } = c as Context<ServiceEnv>;
  const made = get('log');
  if (made) return made;
  const log = get('logger').child({ requestId: get('requestId') });
  set('log', log);
  return log;
}

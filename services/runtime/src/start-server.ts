import { createServer, type RequestListener } from 'node:http';
import { HoldfastError } from '@holdfast/session';
import { getRequestListener, RequestError } from '@hono/node-server';
import { closeInOrder, type Resource } from './close-in-order.ts';
import type { Health } from './create-health.ts';
import type { Logger } from './create-logger.ts';
import { drainServer } from './drain-server.ts';
import { hasValidHost } from './has-valid-host.ts';
import { toRequestId } from './identify-requests.ts';
import { lingerAfterEarlyReplies } from './lingering-close.ts';
import { listen } from './listen.ts';
import { trackConnections } from './open-connections.ts';
import { createRawProblem } from './raw-problem.ts';
import { refuseClient } from './refuse-client.ts';
import { serializeError } from './serialize-error.ts';
import { toProblem } from './to-problem.ts';

export interface ServerOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the bindings of any Hono app
  app: { fetch: (request: Request, env: any) => Response | Promise<Response> };
  host: string;
  port: number;
  health: Health;
  logger: Logger;
  /** The instance's name, where replies may tell it. */
  servedBy?: string | undefined;
  /** The header of that name, on every reply; without it none is sent (RFC 6797). */
  strictTransportSecurity?: string | undefined;
  keepAliveTimeoutMs: number;
  drainDelayMs: number;
  drainTimeoutMs: number;
  /** What is closed after the last reply, in this order: stores first, telemetry last. */
  resources?: readonly Resource[];
  /** Whether SIGTERM and SIGINT drain the server and end the process; default true. */
  handleSignals?: boolean;
}

export interface RunningServer {
  port: number;
  /** Drains the server and closes its resources. A second call waits for the first. */
  close(): Promise<void>;
}

/** How long a client may take over the headers, and over the whole request. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;

/**
 * Serves an app over HTTP/1.1 until the process is told to stop, and then stops without losing a request.
 *
 * @throws StartError when the port can't be had
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { app, health, logger, servedBy } = options;
  const answerRequest = getRequestListener(
    (request, env) => {
      if (hasValidHost(env.incoming)) return app.fetch(request, env);
      return answerUnparsable(new RequestError('not one valid Host'), logger, servedBy);
    },
    // HTTP/1.0 has no Host, and health checks of some proxies speak it.
    { hostname: 'localhost', errorHandler: (error) => answerUnparsable(error, logger, servedBy) },
  );
  const { strictTransportSecurity } = options;
  const listener: RequestListener = (request, response) => {
    // A proxy that says the client came by plain HTTP knows better than the setting (RFC 6797, section 7.2).
    if (strictTransportSecurity !== undefined && request.headers['x-forwarded-proto'] !== 'http') {
      response.setHeader('strict-transport-security', strictTransportSecurity);
    }
    return answerRequest(request, response);
  };
  const server = createServer({
    keepAliveTimeout: options.keepAliveTimeoutMs,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: 1000,
    // A request without Host is refused all the same, but with an answer in our form.
    requireHostHeader: false,
  });
  const instance = servedBy === undefined ? {} : { 'x-served-by': servedBy };
  const connections = trackConnections(server);
  lingerAfterEarlyReplies(server);
  server.on('request', listener);
  // Expect with anything but 100-continue may be ignored (RFC 9110, section 10.1.1); Node would answer 417 by itself.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuseClient(socket, error.code, connections.isAnswering(socket), logger, servedBy),
  );
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(
      createRawProblem(405, 'This is no proxy.', { allow: 'GET, HEAD, POST, DELETE, OPTIONS', ...instance }).text,
    );
  });
  const port = await listen(server, options.host, options.port, 'PORT');
  server.on('error', (error) => logger.error({ err: error }, 'the server reported an error'));

  let closing: Promise<void> | undefined;
  const { drainDelayMs: delayMs, drainTimeoutMs: timeoutMs } = options;
  const close = () => {
    closing ??= drainServer({ server, connections, health, logger, delayMs, timeoutMs }).then(() =>
      closeInOrder(options.resources ?? [], logger),
    );
    return closing;
  };
  if (options.handleSignals ?? true) closeOnSignals(close, logger);
  logger.info({ host: options.host, port }, 'listening');
  return { port, close };
}

/** The first signal drains and ends the process; any further one finds that under way and changes nothing. */
function closeOnSignals(close: () => Promise<void>, logger: Logger): void {
  const onSignal = (signal: NodeJS.Signals) => {
    logger.info({ signal }, 'told to stop');
    close().then(
      () => process.exit(0),
      (error) => {
        logger.fatal({ err: error }, 'could not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** What got past Node's parser and no further than the adapter: no Host, two or none that is valid, or a target that makes no URL. */
function answerUnparsable(error: unknown, logger: Logger, servedBy: string | undefined): Response {
  const requestId = toRequestId(undefined);
  const refused = error instanceof RequestError;
  if (refused) logger.info({ requestId, status: 400, reason: error.message }, 'refused a request that makes no URL');
  else logger.error({ requestId, err: serializeError(error) }, 'a request failed outside of the app');
  const problem = refused
    ? new HoldfastError(
        'invalid-request',
        'The request does not have exactly one valid Host, or its target makes no URL.',
      )
    : new HoldfastError('internal-error', 'Something went wrong on our side.');
  const { body, init } = toProblem(problem, requestId);
  const headers = { ...init.headers, 'x-request-id': requestId, 'x-content-type-options': 'nosniff' };
  const instance = servedBy === undefined ? {} : { 'x-served-by': servedBy };
  return new Response(body, { status: init.status, headers: { ...headers, ...instance } });
}

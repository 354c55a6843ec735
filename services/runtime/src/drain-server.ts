import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Health } from './create-health.ts';
import type { Logger } from './create-logger.ts';
import type { OpenConnections } from './open-connections.ts';

export interface DrainOptions {
  server: Server;
  connections: OpenConnections;
  health: Health;
  logger: Logger;
  /** How long to take new connections as before, so that load balancers learn that this instance is not ready. */
  delayMs: number;
  /** How long to wait after that for requests under way. For the first half of it an idle connection may still bring one more. */
  timeoutMs: number;
}

/**
 * Stops a server without losing a request. It says that it is not ready, and every reply asks its client to leave
 * (`Connection: close`; RFC 9112, section 9.6). When nobody new is sent here any more it closes its port. Clients that still
 * come in the second half of the delay have nobody who sends them elsewhere: they keep their connection until the port is
 * closed, since who connects at that very moment is reset. A connection that was idle all the while, and through half of the
 * timeout, is closed from this side. That can't be done without a race in HTTP/1.1, as a request may be on its way at that very
 * moment, so it happens late, to connections nobody is using, and never to one on which a byte of a request has arrived.
 */
export async function drainServer(options: DrainOptions): Promise<void> {
  const { server, connections, health, logger, delayMs, timeoutMs } = options;
  health.drain();
  connections.closeAfterReply();
  logger.info({ delayMs, timeoutMs, connections: connections.count }, 'draining: not ready from now on');
  await wait(delayMs / 2);
  connections.keepNewOnes();
  await wait(delayMs / 2);
  await connections.acceptQuiet();
  // http.Server's own close() would close idle connections at once, and the requests just arriving on them with it.
  NetServer.prototype.close.call(server);
  connections.closeAfterReply();
  logger.info({ connections: connections.count, requests: connections.repliesUnderWay }, 'draining: port closed');
  const deadline = wait(timeoutMs, 'deadline' as const, { ref: false });
  const closed = connections.closed().then(() => 'closed' as const);
  let outcome = await Promise.race([closed, deadline, wait(timeoutMs / 2, 'grace' as const)]);
  while (outcome === 'grace') {
    // Right after the poll phase: whatever lay in the kernel's buffers has been read.
    await connections.acceptQuiet();
    connections.closeIdle();
    outcome = await Promise.race([closed, deadline, wait(100, 'grace' as const)]);
  }
  if (outcome === 'deadline') {
    logger.error({ requests: connections.repliesUnderWay }, 'draining: requests did not end in time and were cut off');
    server.closeAllConnections();
  }
}

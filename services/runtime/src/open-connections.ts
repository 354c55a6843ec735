import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** The connections and the unfinished replies of a server: what a drain has to wait for. */
export interface OpenConnections {
  readonly count: number;
  readonly repliesUnderWay: number;
  isAnswering(socket: unknown): boolean;
  /** Every reply from now on, and those whose headers are not out yet, ask the client to close the connection. */
  closeAfterReply(): void;
  /** Connections made from now on are not asked to, until `closeAfterReply` is called again. */
  keepNewOnes(): void;
  /** Resolves when a turn of the event loop has accepted nothing: closing the port now resets nobody in its queue. */
  acceptQuiet(): Promise<void>;
  /** Closes the connections on which nothing is under way and, among new ones, those that have never said a word. */
  closeIdle(): void;
  /** Resolves when no connection is open. */
  closed(): Promise<void>;
}

/** Begins to keep count. To be called before the server listens. */
export function trackConnections(server: Server): OpenConnections {
  const sockets = new Map<Socket, ServerResponse | undefined>();
  const kept = new Set<Socket>();
  let closing = false;
  let keeping = false;
  let accepted = 0;
  let onEmpty = () => {};
  server.on('connection', (socket) => {
    accepted++;
    sockets.set(socket, undefined);
    if (keeping) kept.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      kept.delete(socket);
      if (sockets.size === 0) onEmpty();
    });
  });
  server.prependListener('request', ({ socket }, response) => {
    if (closing && !kept.has(socket)) response.setHeader('connection', 'close');
    sockets.set(socket, response);
    response.on('close', () => {
      if (sockets.get(socket) === response) sockets.set(socket, undefined);
    });
  });
  const replies = () => [...sockets.values()].filter((response) => response !== undefined);
  return {
    get count() {
      return sockets.size;
    },
    get repliesUnderWay() {
      return replies().length;
    },
    isAnswering: (socket) => sockets.get(socket as Socket) !== undefined,
    closeAfterReply: () => {
      closing = true;
      keeping = false;
      kept.clear();
      for (const response of replies()) if (!response.headersSent) response.setHeader('connection', 'close');
    },
    keepNewOnes: () => {
      keeping = true;
    },
    acceptQuiet: async () => {
      // Bounded: under a storm of new connections there may be no such turn.
      for (let turn = 0, before = -1; turn < 100 && before !== accepted; turn++) {
        before = accepted;
        await nextTurn();
      }
    },
    closeIdle: () => {
      // Node's notion of idle leaves out a connection on which part of a request has arrived.
      server.closeIdleConnections();
      for (const [socket, response] of sockets) if (!response && socket.bytesRead === 0) socket.destroy();
    },
    closed: () =>
      new Promise((resolve) => {
        onEmpty = resolve;
        if (sockets.size === 0) resolve();
      }),
  };
}

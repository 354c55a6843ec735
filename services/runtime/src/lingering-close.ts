import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** How much more of a refused request is read, and for how long, so that its sender gets round to reading the answer. */
const lingerBytes = 1024 * 1024;
const lingerMs = 2000;

/**
 * Closes a connection when its reply is out and the client has finished sending, within bounds (RFC 9112, section 9.6):
 * closing on unread data makes the kernel send a reset, and that wipes out an answer the client has not read yet. What
 * still comes is thrown away.
 */
export function lingeringClose(socket: Socket): void {
  socket.end();
  // The HTTP server's own listeners would parse on.
  socket.removeAllListeners('data').removeAllListeners('end');
  let bytes = 0;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(timer));
  socket.on('end', () => socket.destroy());
  socket.on('data', (chunk) => {
    bytes += chunk.byteLength;
    if (bytes > lingerBytes) socket.destroy();
  });
  socket.resume();
}

/**
 * A reply that ends its connection before the request was read, such as 413 to a client that sent `Connection: close`, is
 * followed by a {@link lingeringClose}, where Node would close at once. To be called before the server listens.
 */
export function lingerAfterEarlyReplies(server: Server): void {
  server.prependListener('request', (request, response) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    // Before Node's own listener, which calls `destroySoon`.
    response.prependListener('finish', () => {
      const { socket } = request;
      if (!request.complete) socket.destroySoon = () => lingeringClose(socket);
    });
  });
}

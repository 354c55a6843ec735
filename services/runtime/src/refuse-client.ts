import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from './create-logger.ts';
import { createRawProblem, toParserProblem } from './raw-problem.ts';

/** How much more of a refused request is read, and for how long, so that its sender gets round to reading the answer. */
const lingerBytes = 1024 * 1024;
const lingerMs = 2000;

/**
 * Answers a request that is no HTTP, or too much of it, with problem+json. The socket is closed only when the client has
 * finished sending, within bounds: closing on unread data makes the kernel send a reset, and that wipes out an answer
 * the client has not read yet.
 *
 * @param answering whether a reply is under way on this socket: nothing may be written into that
 */
export function refuseClient(
  socket: Duplex,
  code: string | undefined,
  answering: boolean,
  logger: Logger,
  servedBy?: string | undefined,
): void {
  if (!socket.writable || code === 'ECONNRESET' || answering) {
    socket.destroy();
    return;
  }
  const { status, detail } = toParserProblem(code);
  const { requestId, text } = createRawProblem(
    status,
    detail,
    servedBy === undefined ? {} : { 'x-served-by': servedBy },
  );
  logger.info({ requestId, status, parserCode: code }, 'refused a request that is not valid HTTP');
  socket.end(text);
  linger(socket as Socket);
}

function linger(socket: Socket): void {
  // The HTTP server's own listeners would parse on, and fail again with every chunk.
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

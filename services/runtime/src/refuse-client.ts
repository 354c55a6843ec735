import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from './create-logger.ts';
import { lingeringClose } from './lingering-close.ts';
import { createRawProblem, toParserProblem } from './raw-problem.ts';

/**
 * Answers a request that is no HTTP, or too much of it, with problem+json, so that its sender gets to read it.
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
  if (!socket.writable || code === 'ECONNRESET' || answering || isUnused(socket, code)) {
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
  socket.write(text);
  lingeringClose(socket as Socket);
}

/**
 * Whether nothing ever came on this connection, or nothing arrived. Browsers and proxies open some ahead of time, and would
 * take an answer there for that to the request they send later, which may be safe to send once more.
 */
const isUnused = (socket: Duplex, code: string | undefined) =>
  code === 'ERR_HTTP_REQUEST_TIMEOUT' && (socket as Socket).bytesRead === 0;

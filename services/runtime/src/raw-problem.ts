import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { HoldfastError } from '@holdfast/session';

/** What is wrong with a request that Node's HTTP parser gave up on. */
export function toParserProblem(code: string | undefined): { status: number; detail: string } {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, detail: 'The headers of the request are too large.' };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, detail: 'The chunk extensions of the body are too large.' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, detail: 'The request did not arrive in time.' };
    default:
      return { status: 400, detail: 'The request is not valid HTTP.' };
  }
}

/** A whole HTTP/1.1 reply, for a socket on which there is no request that a reply could be made for. */
export function createRawProblem(
  status: number,
  detail: string,
  headers: Record<string, string> = {},
): { requestId: string; text: string } {
  const requestId = randomUUID();
  const problem = { ...new HoldfastError('invalid-request', detail).toProblem(requestId), status };
  const body = JSON.stringify(problem);
  const lines = Object.entries({
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
    connection: 'close',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return { requestId, text: `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}` };
}

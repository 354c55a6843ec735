import { HoldfastError } from '@holdfast/session';
import type { MiddlewareHandler } from 'hono';

/**
 * Refuses bodies above a size, whether or not they say how long they are (RFC 9110, section 15.5.14).
 *
 * @param maxBytes the largest body that is let through
 */
export function limitBody(maxBytes: number): MiddlewareHandler {
  const tooLarge = () =>
    new HoldfastError('invalid-request', `The body is larger than ${maxBytes} bytes.`, { status: 413 });
  // Not async: for the many requests without a body that would be one more promise.
  return function checkBodySize(c, next) {
    const length = c.req.header('content-length');
    if (length !== undefined && c.req.header('transfer-encoding') === undefined) {
      // The HTTP parser holds the client to the length it named.
      if (Number(length) > maxBytes) throw tooLarge();
      return next();
    }
    if (c.req.method === 'GET' || c.req.method === 'HEAD' || c.req.raw.body === null) return next();
    const read = readUpTo(c.req.raw.body, maxBytes).catch((cause: Error) => {
      // Whoever sent it has gone, or gone on with what is no chunk: nobody on our side has to look into that.
      throw new HoldfastError('invalid-request', 'The body ended before it was complete.', { cause });
    });
    return read.then((body) => {
      if (body === undefined) throw tooLarge();
      c.req.raw = new Request(c.req.raw, { body });
      return next();
    });
  };
}

async function readUpTo(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    size += value.byteLength;
    if (size > maxBytes) return undefined;
    chunks.push(value);
  }
}

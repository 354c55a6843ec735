import { createServer } from 'node:http';
import { authenticate, HoldfastError, readNodeHeader, type SessionStore } from '@holdfast/session';

export function createApp(sessions: SessionStore) {
  return createServer(async (request, response) => {
    try {
      const options = { sessions, trustedOrigins: ['https://shop.example'] };
      const session = await authenticate(request.method ?? '', readNodeHeader(request), options);
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ hello: session.userId }));
    } catch (thrown) {
      if (!(thrown instanceof HoldfastError)) console.error(thrown);
      const error = thrown instanceof HoldfastError ? thrown : new HoldfastError('internal-error', 'Our mistake.');
      const { status, headers } = error.getResponse();
      response.setHeaders(headers).writeHead(status).end(JSON.stringify(error.toProblem()));
    }
  });
}

import { createServer } from 'node:http';
import { reservePort } from '../reserve-port.ts';

/** A site of somebody else: its page is a form that its address describes, or a frame, or a link. */
export async function startOtherSite(): Promise<AsyncDisposable & { port: number }> {
  const port = await reservePort();
  const server = createServer((request, response) => {
    const { action, frame, link, ...fields } = Object.fromEntries(new URL(request.url ?? '', 'http://x').searchParams);
    const inputs = Object.entries(fields).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
    );
    response.setHeader('content-type', 'text/html');
    if (link !== undefined) return void response.end(`<a href="${link.replaceAll('&', '&amp;')}">win a prize</a>`);
    response.end(
      frame === undefined
        ? `<form method="post" action="${action ?? ''}">${inputs.join('')}<button>Win</button></form>`
        : `<iframe src="${frame}"></iframe>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

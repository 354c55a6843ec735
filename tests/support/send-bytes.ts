import { connect } from 'node:net';

const NO_ANSWER_MS = 20_000;

/**
 * Sends a request whose header lines may hold bytes that no HTTP client would send, on a connection of its own.
 *
 * @param lines each character is one byte, as Node reads headers
 * @returns the status, and what follows the headers
 */
export function sendBytes(url: string, target: string, lines: readonly string[], method = 'GET') {
  const { hostname, port } = new URL(url);
  const head = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${hostname}`,
    'Connection: close',
    'Content-Length: 0',
    ...lines,
  ];
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.setTimeout(NO_ANSWER_MS, () => socket.destroy(new Error(`no answer to ${method} ${target}`)));
    socket.on('close', () => {
      const reply = Buffer.concat(chunks).toString('utf8');
      const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(reply)?.[1]);
      resolve({ status, text: reply.slice(reply.indexOf('\r\n\r\n') + 4) });
    });
    socket.write(Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'));
  });
}

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { type Fixture, startFixture } from './start-fixture.ts';

const hsts = 'max-age=31536000; includeSubDomains';
let service: Fixture;
beforeAll(async () => {
  service = await startFixture({ INSTANCE_NAME: 'test-1', DRAIN_DELAY_MS: '0', STRICT_TRANSPORT_SECURITY: hsts });
});
afterAll(() => service?.[Symbol.asyncDispose]());

interface Reply {
  status: number;
  headers: Headers;
  problem: Record<string, unknown>;
}

/** Sends bytes as they are, in pieces, and reads until the server closes. A reset makes it throw. */
async function exchange(...pieces: string[]): Promise<Reply> {
  const socket = connect(service.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const ended = once(socket, 'end');
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
  await ended;
  socket.destroy();
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(': ') as [string, string]));
  return { status: Number(statusLine.split(' ')[1]), headers, problem: JSON.parse(body) };
}

const get = (path: string, ...headers: string[]) =>
  `GET ${path} HTTP/1.1\r\n${['Host: localhost', 'Connection: close', ...headers].map((line) => `${line}\r\n`).join('')}\r\n`;

// Browsers and proxies open connections ahead of time. A 408 there would be taken for the answer to their next request.
test('half a request that stays away is 408, and a connection on which nothing came is closed without an answer', async () => {
  const unused = connect(service.port, '127.0.0.1');
  let text = '';
  unused.on('data', (chunk) => {
    text += chunk;
  });
  const closed = once(unused, 'close');
  const half = await exchange('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
  expect([half.status, half.problem['status']]).toEqual([408, 408]);
  await closed;
  expect(text).toBe('');
}, 30_000);

test.each([
  ['a header of 100 kB', 431, [get('/livez', `x: ${'a'.repeat(100_000)}`)]],
  ['a header that comes in pieces', 431, ['GET / HTTP/1.1\r\nx: ', ...Array(25).fill('a'.repeat(4000))]],
  ['a cookie of 100 kB', 431, [get('/livez', `cookie: __Host-hf=${'a'.repeat(100_000)}`)]],
  ['a path of 100 kB', 431, [get(`/${'a'.repeat(100_000)}`)]],
  ['no HTTP', 400, ['hello\r\n\r\n']],
  ['TLS', 400, ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03']],
  ['an unknown method', 400, ['FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n']],
  ['no Host', 400, ['GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n']],
  ['a Host that is none', 400, ['GET /livez HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n']],
  ['two Hosts', 400, [get('/livez', 'Host: localhost')]],
  ['two Hosts of which one is in other letters', 400, [get('/livez', 'hOsT: evil.example')]],
  ['an empty Host', 400, ['GET /livez HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n']],
  ...['a@b', 'a/b', 'a?b', 'a#b', 'a\\b', 'a,b', 'a:b', 'a:99999', '[::1', '::1', '%61', 'a:1:2', '\xe9'].map(
    (host) => [`the Host ${host}`, 400, [`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`]],
  ),
  ['a target that is no path', 400, [get('livez')]],
  ['two lengths', 400, ['POST /work HTTP/1.1\r\nHost: l\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n']],
  [
    'a length and chunks',
    400,
    ['POST /work HTTP/1.1\r\nHost: l\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ],
  ['a header without a name', 400, [get('/livez', ': x')]],
  ['a wrong escape', 404, [get('/%zz')]],
  ['CONNECT', 405, ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n']],
  ['a wish to upgrade', 404, [get('/nothing', 'Upgrade: websocket', 'Connection: upgrade, close')]],
] as [string, number, string[]][])(
  '%s is answered %d as a problem that the client gets to read',
  async (_, status, pieces) => {
    const { headers, problem, ...reply } = await exchange(...pieces);
    expect(reply.status).toBe(status);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('x-served-by')).toBe('test-1');
    expect(problem).toMatchObject({ status, code: status === 404 ? 'not-found' : 'invalid-request' });
    expect(problem['requestId']).toBe(headers.get('x-request-id'));
  },
);

test('HTTP/1.0, as health checks of some proxies speak it, needs no Host', async () => {
  expect((await exchange('GET /livez HTTP/1.0\r\n\r\n')).status).toBe(200);
});

test.each(['localhost', 'localhost:8080', '127.0.0.1', '[::1]:80', 'a_b.example.', 'xn--e1afmkfd.example:443'])(
  'the Host %s is one',
  async (host) => {
    const answer = await exchange(`GET /nothing HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(answer.status).toBe(404);
  },
);

test('every reply has the Strict-Transport-Security that is set, unless a proxy says that the client came by plain HTTP', async () => {
  const url = `http://127.0.0.1:${service.port}`;
  for (const path of ['/livez', '/nothing', '/openapi.json', '/work?ms=1']) {
    expect((await fetch(url + path)).headers.get('strict-transport-security'), path).toBe(hsts);
  }
  const plain = await fetch(`${url}/livez`, { headers: { 'x-forwarded-proto': 'http' } });
  expect(plain.headers.get('strict-transport-security')).toBeNull();
  await using other = await startFixture({ DRAIN_DELAY_MS: '0' });
  const unset = await fetch(`http://127.0.0.1:${other.port}/livez`);
  expect(unset.headers.get('strict-transport-security')).toBeNull();
});

test('a body of a megabyte is refused, and its sender gets to read that', async () => {
  const headers = { 'content-type': 'application/json' };
  const body = 'x'.repeat(1_000_000);
  const response = await fetch(`http://127.0.0.1:${service.port}/work`, { method: 'POST', body, headers });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([413, 'invalid-request']);
});

test('also a sender who asked to close the connection, and is in the middle of it', async () => {
  const socket = connect({ port: service.port, host: '127.0.0.1', allowHalfOpen: true });
  const closed = once(socket, 'close');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const head = ['POST /work HTTP/1.1', 'Host: localhost', 'Connection: close', 'Content-Length: 500000'];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await pollUntil('the answer', 5000, () => text.endsWith('}'));
  for (let piece = 0; piece < 10; piece++) {
    await new Promise<void>((resolve, reject) =>
      socket.write('x'.repeat(50_000), (error) => (error ? reject(error) : resolve())),
    );
  }
  socket.end();
  expect(await closed, 'closed without an error').toEqual([false]);
  expect(text).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"invalid-request"/);
});

test('a client that goes on sending for ever is cut off', async () => {
  const socket = connect(service.port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', () => resolve(true)));
  const piece = 'a'.repeat(64 * 1024);
  const pump = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', pump);
  socket.write('GET / HTTP/1.1\r\nx: ');
  pump();
  expect(await closed).toBe(true);
});

test('none of that was a defect, and the service still answers', async () => {
  expect((await fetch(`http://127.0.0.1:${service.port}/livez`)).status).toBe(200);
  await pollUntil('the log', 5000, () => service.lines.some((line) => line['parserCode'] === 'HPE_HEADER_OVERFLOW'));
  expect(service.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

import { createLogger } from '@holdfast/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp as createEdge } from '../../services/edge/src/create-app.ts';
import { createUpstream } from '../../services/edge/src/create-upstream.ts';
import { adopters, type Listening, serveHono } from '../support/adopters.ts';
import { sendBytes } from '../support/send-bytes.ts';
import { startServices, type TestServices } from '../support/start-services.ts';
import { startSessions, type TestSessions } from '../support/start-sessions.ts';

/** Every byte beyond ASCII, NEL (0x85) and the space that does not break (0xA0) among them, and VT and FF. */
const oddBytes = [0x0b, 0x0c, ...Array.from({ length: 128 }, (_, index) => 0x80 + index)].map((code) =>
  String.fromCharCode(code),
);
const NAME = '__Host-hf';

let services: TestServices;
let sessions: TestSessions;
let edge: Listening;
beforeAll(async () => {
  services = await startServices();
  sessions = await startSessions(services.redis);
  const edgeApp = createEdge({
    auth: createUpstream({ urls: [services.auth.url] }),
    orders: createUpstream({ urls: [services.orders.url] }),
    logger: createLogger({ service: 'edge', level: 'silent' }),
  });
  edge = await serveHono(edgeApp);
});
afterAll(async () => {
  await edge?.close();
  await sessions?.[Symbol.asyncDispose]();
  await services?.[Symbol.asyncDispose]();
});

type Start = () => Promise<{ url: string; path: string; unsafePath: string; close(): unknown }>;
const stays = { close: () => {} };
const targets: [name: string, start: Start][] = [
  ['auth', async () => ({ url: services.auth.url, path: '/v1/session', unsafePath: '/v1/session/rotate', ...stays })],
  ['orders', async () => ({ url: services.orders.url, path: '/v1/orders', unsafePath: '/orders', ...stays })],
  ['auth behind edge', async () => ({ ...edge, path: '/v1/session', unsafePath: '/v1/session/rotate', ...stays })],
  ['orders behind edge', async () => ({ ...edge, path: '/v1/orders', unsafePath: '/orders', ...stays })],
  ...Object.entries(adopters).map(([name, start]): [string, Start] => [
    `a service made with ${name}`,
    async () => ({ ...(await start(sessions.validator)), path: '/hello', unsafePath: '/hello' }),
  ]),
];

/** What came of many requests: the requests whose status was not among those expected. */
async function findUnexpected(
  requests: readonly string[][],
  expected: readonly number[],
  send: (lines: string[]) => Promise<{ status: number }>,
): Promise<string[]> {
  const [unexpected, queue] = [[] as string[], [...requests]];
  const worker = async () => {
    for (let lines = queue.pop(); lines; lines = queue.pop()) {
      const { status } = await send(lines);
      if (!expected.includes(status)) unexpected.push(`${status} ${JSON.stringify(lines)}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return unexpected;
}

describe.each(targets)('%s', (_, start) => {
  let target: Awaited<ReturnType<Start>>;
  let token: string;
  beforeAll(async () => {
    target = await start();
    ({ token } = await sessions.create('somebody'));
  });
  afterAll(() => target?.close());
  const ask = (lines: string[]) => sendBytes(target.url, target.path, lines);

  test('finds its cookie under its own name only, whatever byte is before, in or behind the name or the value', async () => {
    const half = Math.floor(token.length / 2);
    const requests = oddBytes.flatMap((byte) =>
      [
        `${byte}${NAME}=${token}`,
        `${NAME}${byte}=${token}`,
        `__Host-${byte}hf=${token}`,
        `${NAME}=${byte}${token}`,
        `${NAME}=${token}${byte}`,
        `${NAME}=${token.slice(0, half)}${byte}${token.slice(half)}`,
        ` ${byte} ${NAME}=${token}`,
      ].flatMap((cookie) => [[`Cookie: ${cookie}`], [`Cookie: theme=dark; ${cookie}; x=y`]]),
    );
    // 400: Node's own parser takes neither VT nor FF.
    expect(await findUnexpected(requests, [400, 401], ask)).toEqual([]);
    const accepted = [
      `${NAME}=${token}`,
      ` \t${NAME}\t = \t${token}\t `,
      `a=b;${NAME}=${token}`,
      `a=b ;\t${NAME}=${token};`,
    ];
    const cookies = accepted.map((cookie) => [`Cookie: ${cookie}`]);
    expect(await findUnexpected(cookies, [200], ask)).toEqual([]);
  }, 120_000);

  test('stays with the visitor’s own session when another host has planted a cookie of nearly that name', async () => {
    const { token: planted } = await sessions.create('attacker');
    const requests = oddBytes
      .slice(2)
      .flatMap((byte) =>
        [`${byte}${NAME}`, `${NAME}${byte}`].flatMap((name) => [
          [`Cookie: ${name}=${planted}; ${NAME}=${token}`],
          [`Cookie: ${NAME}=${token}; ${name}=${planted}`],
        ]),
      );
    expect(await findUnexpected(requests, [200], ask)).toEqual([]);
    const [{ text }, { text: own }] = await Promise.all([
      ask([`Cookie: \xa0${NAME}=${planted}; ${NAME}=${token}`]),
      ask([`Cookie: ${NAME}=${token}`]),
    ]);
    // What differs from answer to answer, but not from caller to caller.
    const steady = (answer: string) => answer.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '');
    expect(steady(text)).toBe(steady(own));
  }, 120_000);

  test('takes no odd byte in Authorization, Origin or Sec-Fetch-Site for a blank', async () => {
    const bearers = oddBytes.flatMap((byte) =>
      [`${byte}Bearer ${token}`, `Bearer${byte}${token}`, `Bearer ${byte}${token}`, `Bearer ${token}${byte}`].map(
        (value) => [`Authorization: ${value}`],
      ),
    );
    expect(await findUnexpected(bearers, [400, 401], ask)).toEqual([]);
    const unsafe = oddBytes.flatMap((byte) =>
      [
        `Origin: ${byte}https://shop.example`,
        `Origin: https://shop.example${byte}`,
        `Sec-Fetch-Site: ${byte}same-origin`,
        `Sec-Fetch-Site: same-origin${byte}`,
      ].map((line) => [line, `Cookie: ${NAME}=${token}`]),
    );
    const post = (lines: string[]) => sendBytes(target.url, target.unsafePath, lines, 'POST');
    expect(await findUnexpected(unsafe, [400, 403], post)).toEqual([]);
  }, 120_000);
});

import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { createSessionToken } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RawReply, type RawRequest, sendRaw } from '../support/send-raw.ts';
import { startServices, type TestServices } from '../support/start-services.ts';

let services: TestServices;
let admin: Redis;
/** A live session of alice, and an order of bob. */
let token: string;
let sessionId: string;
let foreignOrder: string;

beforeAll(async () => {
  services = await startServices();
  admin = services.redis.admin();
  ({ token, sessionId } = await logIn(0));
  const bob = await logIn(1);
  const order = { method: 'POST', headers: { ...json, ...bearer(bob.token) }, body: '{"sku":"teapot","quantity":1}' };
  const placed = await sendRaw(services.orders.url, '/v1/orders', order);
  foreignOrder = (JSON.parse(placed.text) as { order: { id: string } }).order.id;
});
afterAll(() => services?.[Symbol.asyncDispose]());

const json = { 'content-type': 'application/json' };
const ownPage = { 'sec-fetch-site': 'same-origin' };
const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
const cookie = (value: string) => ({ cookie: `__Host-hf=${value}`, ...ownPage });

type Service = 'auth' | 'orders';

const send = (service: Service, path: string, request: RawRequest) => sendRaw(services[service].url, path, request);

async function logIn(user: number): Promise<{ token: string; sessionId: string }> {
  const body = JSON.stringify({ ...services.users[user], transport: 'bearer' });
  const reply = await send('auth', '/v1/sessions', { method: 'POST', headers: json, body });
  expect(reply.status).toBe(201);
  const created = JSON.parse(reply.text) as { token: string; session: { id: string } };
  return { token: created.token, sessionId: created.session.id };
}

/** A refusal in the one form there is: nothing in it tells how the service is made, or repeats a credential. */
function expectProblem(reply: RawReply, status: number, code: string, what: string) {
  expect(reply.text, what).toMatch(/^\{/);
  const problem = JSON.parse(reply.text) as Record<string, unknown>;
  expect([reply.status, problem['code']], what).toEqual([status, code]);
  expect(reply.headers['content-type'], what).toBe('application/problem+json');
  expect(reply.headers['cache-control'], what).toBe('no-store');
  expect(reply.headers['set-cookie'], what).toBeUndefined();
  expect(problem, what).toMatchObject({ status, requestId: reply.headers['x-request-id'] });
  for (const field of ['type', 'title', 'detail']) expect(problem[field], what).toEqual(expect.any(String));
  expect(reply.text, what).not.toMatch(/\.ts\b|node_modules|\bat [\w.<>]+ \(|Error:|hunter2/);
  expect(reply.text, what).not.toContain(token.slice(30));
}

/** Every command Redis has run, by whomever. */
async function countCommands(): Promise<number> {
  const stats = await admin.info('commandstats');
  // FCALL_RO: auth looks twice a second whether the functions are there. What is asked about sessions reads or writes keys.
  const counts = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].filter(
    ([, command = '']) => !['info', 'fcall_ro'].includes(command),
  );
  return counts.reduce((sum, [, , calls]) => sum + Number(calls), 0);
}

describe('a body', () => {
  type Case = [name: string, body: string | Buffer, status: number, code?: string, headers?: Record<string, string>];
  const login = (fields: object) => JSON.stringify({ username: 'alice', password: 'hunter2', ...fields });
  const order = (fields: object) => JSON.stringify({ sku: 'teapot', quantity: 1, ...fields });
  const anything: Case[] = [
    ['that is cut', '{"username":"hunter2', 400],
    ['that is empty', '', 400],
    ['that is not UTF-8', Buffer.from([0xff, 0xfe, 0x7b, 0x7d]), 400],
    ['that nests without end', '['.repeat(30_000), 400],
    ['that nests deeply', `${'['.repeat(15_000)}${']'.repeat(15_000)}`, 422],
    ['that is null', 'null', 422],
    ['that is a list', '[]', 422],
    ['that is a number', '17', 422],
    ['that is an empty object', '{}', 422],
    ['that reaches for the prototype', '{"__proto__":{"username":"alice","password":"hunter2"}}', 422],
    ['of another type', '{}', 415, 'invalid-request', { 'content-type': 'text/plain' }],
    ['of a form', 'username=alice', 415, 'invalid-request', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['of no type', '{}', 415, 'invalid-request', { 'content-type': '' }],
    ['of 1 MB', `"${'x'.repeat(1_000_000)}"`, 413],
  ];
  const logins: Case[] = [
    ['with a number for a name', login({ username: 17 }), 422],
    ['with a list for a name', login({ username: ['alice'] }), 422],
    ['with an object for a password', login({ password: { $ne: '' } }), 422],
    ['with an empty name', login({ username: '' }), 422],
    ['with a name too long', login({ username: 'a'.repeat(257) }), 422],
    ['with a password too long', login({ password: 'a'.repeat(1025) }), 422],
    ['with an unknown transport', login({ transport: 'smoke' }), 422],
    ['with a NUL in the name', login({ username: 'alice\0' }), 401, 'invalid-credentials'],
    ['with half a surrogate in the name', login({ username: '\ud800' }), 401, 'invalid-credentials'],
    ['with a name of another alphabet', login({ username: 'аlice' }), 401, 'invalid-credentials'],
  ];
  const orders: Case[] = [
    ['with a text for a quantity', order({ quantity: '1' }), 422],
    ['with half a quantity', order({ quantity: 1.5 }), 422],
    ['with nothing ordered', order({ quantity: 0 }), 422],
    ['with too much ordered', order({ quantity: 1001 }), 422],
    ['with an endless quantity', '{"sku":"teapot","quantity":1e999}', 422],
    ['with a space in the sku', order({ sku: 'tea pot' }), 422],
    ['with a field too many', order({ price: 0 }), 422],
    ['with an empty key', order({}), 400, 'invalid-request', { 'idempotency-key': ' ' }],
    ['with a key too long', order({}), 400, 'invalid-request', { 'idempotency-key': 'k'.repeat(256) }],
  ];

  const routes: [name: string, service: Service, path: string, cases: Case[]][] = [
    ['login', 'auth', '/v1/sessions', [...anything, ...logins]],
    ['token', 'auth', '/v1/token', [...anything, ['for an unknown audience', '{"audience":"hunter2"}', 422]]],
    [
      'reauthentication',
      'auth',
      '/v1/session/reauthenticate',
      [...anything, ['with a list for a password', '{"password":["hunter2"]}', 422]],
    ],
    ['order', 'orders', '/v1/orders', [...anything, ...orders]],
  ];
  const all = routes.flatMap(([route, service, path, cases]) =>
    cases.map((each) => [route, service, path, ...each] as [string, Service, string, ...Case]),
  );

  test.each(all)('of a %s (%s %s) %s', async (route, service, path, name, body, status, code, headers) => {
    const credential = route === 'login' ? {} : bearer(token);
    const request = { method: 'POST', headers: { ...json, ...credential, ...headers }, body };
    expectProblem(await send(service, path, request), status, code ?? 'invalid-request', name);
  });

  test.each(routes)('of a %s of 1 MB in chunks', async (name, service, path) => {
    const request = { method: 'POST', headers: { ...json, ...bearer(token) }, body: 'x'.repeat(1_000_000) };
    expectProblem(await send(service, path, { ...request, chunked: true }), 413, 'invalid-request', name);
  });
});

/** Every way a token can be no token; `wrongAlphabet` and the like are of the right length. */
function malformedTokens(): [name: string, value: string][] {
  const bytes = Buffer.from(token.slice(4), 'base64url');
  const encoded = (encoding: 'base64' | 'hex') => `hf1_${bytes.toString(encoding)}`;
  const body = Buffer.concat([randomBytes(48), Buffer.alloc(4)]);
  const lastCharacter = { A: 'B', Q: 'R', g: 'h', w: 'x' }[token.at(-1) as 'A' | 'Q' | 'g' | 'w'];
  // Of another session's bytes, so that a letter outside of the alphabet is certain.
  const standard = Buffer.alloc(52, 0xfb).toString('base64').replace(/=+$/, '');
  return [
    ['cut by one', token.slice(0, -1)],
    ['cut in half', token.slice(0, 37)],
    ['of the prefix alone', 'hf1_'],
    ['of the id alone', `hf1_${sessionId}`],
    ['one longer', `${token}A`],
    ['twice', token + token],
    ['padded', `${token}==`],
    ['with another prefix', token.replace('hf1_', 'hf2_')],
    ['in capitals', token.toUpperCase()],
    ['in standard base64', `hf1_${standard}`],
    ['in padded base64', encoded('base64')],
    ['in hexadecimal', encoded('hex')],
    ['in percent encoding', token.replace('_', '%5F')],
    ['with a letter of Latin-1', `${token.slice(0, -1)}\u00e9`],
    ['with a space inside', `${token.slice(0, 20)} ${token.slice(21)}`],
    ['quoted', `"${token}"`],
    ['with a wrong checksum', `hf1_${body.toString('base64url')}`],
    ['with a bit turned', `${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`],
    ['spelled otherwise', token.slice(0, -1) + lastCharacter],
    ['of 8 kB', `hf1_${'A'.repeat(8000)}`],
    ['of dots', '..'],
    ['of another product', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJpZC1hbGljZSJ9.'],
  ];
}

const guarded: [service: Service, method: string, path: string, body?: string][] = [
  ['auth', 'GET', '/v1/session'],
  ['auth', 'POST', '/v1/session/rotate'],
  ['auth', 'POST', '/v1/session/reauthenticate', '{"password":"hunter2"}'],
  ['auth', 'GET', '/v1/sessions'],
  ['auth', 'DELETE', '/v1/sessions'],
  ['auth', 'DELETE', '/v1/sessions?except=current'],
  ['auth', 'DELETE', '/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA'],
  ['auth', 'GET', '/v1/users/id-alice/sessions'],
  ['auth', 'DELETE', '/v1/users/id-alice/sessions'],
  ['auth', 'POST', '/v1/token', '{"audience":"orders"}'],
  ['orders', 'GET', '/v1/orders'],
  ['orders', 'POST', '/v1/orders', '{"sku":"teapot","quantity":1}'],
  ['orders', 'GET', '/v1/orders/0198a5f0-0000-7000-8000-000000000000'],
];

describe.each(guarded)('at %s %s %s', (service, method, path, body) => {
  const ask = (headers: RawRequest['headers']) =>
    send(service, path, { method, headers: { ...json, ...headers }, ...(body === undefined ? {} : { body }) });

  test('a malformed token is 401 session-malformed, and Redis is not asked', async () => {
    const before = await countCommands();
    for (const [name, value] of malformedTokens()) {
      expectProblem(await ask(bearer(value)), 401, 'session-malformed', `a bearer token ${name}`);
      expectProblem(await ask(cookie(value)), 401, 'session-malformed', `a cookie ${name}`);
    }
    expect((await countCommands()) - before).toBe(0);
  });

  test('without a credential it is 401 session-missing, and Redis is not asked', async () => {
    const before = await countCommands();
    const none = [{}, { authorization: 'Basic YWxpY2U6aHVudGVyMg==' }, { cookie: '__Host-hf=' }, { cookie: 'a=b' }];
    for (const headers of none) expectProblem(await ask(headers), 401, 'session-missing', JSON.stringify(headers));
    expectProblem(await ask({ cookie: `hf=${token}` }), 401, 'session-missing', 'a cookie of another name');
    expect((await countCommands()) - before).toBe(0);
  });

  test('the right id with a wrong secret is the same as no such session', async () => {
    const wrongSecret = await ask(bearer(withAnotherSecret(token)));
    expectProblem(wrongSecret, 401, 'session-unknown', 'a wrong secret');
    const unknown = await ask(bearer(createSessionToken('nobody').token));
    expectProblem(unknown, 401, 'session-unknown', 'a made-up session');
    const plain = ({ text }: RawReply) => ({ ...(JSON.parse(text) as object), requestId: '' });
    expect(plain(wrongSecret)).toEqual(plain(unknown));
  });

  test('two credentials at once are 400, and Redis is not asked', async () => {
    const before = await countCommands();
    const { cookie: own } = cookie(token);
    const pairs = [
      { ...cookie(token), ...bearer(token) },
      { ...cookie(token), ...bearer('x') },
      { ...ownPage, cookie: [own, ...['w', 'x', 'y', 'z'].map((value) => cookie(value).cookie)] },
    ];
    for (const headers of pairs) expectProblem(await ask(headers), 400, 'invalid-request', JSON.stringify(headers));
    const twice = await ask({ authorization: [bearer(token).authorization, bearer('x').authorization] });
    expectProblem(twice, 401, 'session-malformed', 'two bearer tokens');
    expect((await countCommands()) - before).toBe(0);
  });
});

describe('a page', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded', ...ownPage };

  /** A refusal for people: nothing in it tells how the service is made, or repeats what was sent. */
  function expectPage(reply: RawReply, status: number, what: string) {
    expect(reply.status, what).toBe(status);
    expect(reply.headers['content-type'], what).toBe('text/html; charset=UTF-8');
    expect(reply.headers['cache-control'], what).toBe('no-store');
    expect(reply.headers['content-security-policy'], what).toContain("default-src 'none'; style-src 'sha256-");
    expect(reply.headers['set-cookie'], what).toBeUndefined();
    // A title may say to a person that something is wrong.
    const text = reply.text.replace('<title>Error: ', '<title>');
    expect(text, what).not.toMatch(/\.ts\b|node_modules|\bat [\w.<>]+ \(|Error:|hunter2|<script/);
  }

  const long = 'a'.repeat(2000);
  test.each<[what: string, service: Service, path: string, status: number, body: string, headers?: object]>([
    ['of a sign-in that is empty', 'auth', '/auth/sign-in', 422, ''],
    ['of a sign-in without a password', 'auth', '/auth/sign-in', 422, 'username=alice'],
    ['of a sign-in with an empty password', 'auth', '/auth/sign-in', 422, 'username=alice&password='],
    ['of a sign-in with a name too long', 'auth', '/auth/sign-in', 422, `username=${long}&password=hunter2`],
    [
      'of a sign-in with a way back too long',
      'auth',
      '/auth/sign-in',
      422,
      `username=a&password=hunter2&return_to=${long}`,
    ],
    ['of a sign-in with a list for a name', 'auth', '/auth/sign-in', 422, 'username[]=a&username[]=b&password=hunter2'],
    ['of a sign-in with bytes that are no UTF-8', 'auth', '/auth/sign-in', 401, 'username=%ff%fe&password=hunter2'],
    ['of a sign-in as JSON', 'auth', '/auth/sign-in', 415, '{"username":"alice","password":"hunter2"}', json],
    [
      'of a sign-in as half a file',
      'auth',
      '/auth/sign-in',
      400,
      '--x\r\nhunter2',
      { 'content-type': 'multipart/form-data; boundary=x' },
    ],
    ['of devices that names none', 'auth', '/auth/devices', 422, ''],
    ['of devices with an id too long', 'auth', '/auth/devices', 422, `session=${long}`],
    ['of an order that is empty', 'orders', '/orders', 422, ''],
    ['of an order without a key', 'orders', '/orders', 422, 'sku=teapot&quantity=1'],
    ['of an order with a key that is none', 'orders', '/orders', 422, 'sku=teapot&quantity=1&key=hunter2'],
    ['of an order of nothing', 'orders', '/orders', 422, `sku=teapot&quantity=0&key=${crypto.randomUUID()}`],
    ['of an order of no number', 'orders', '/orders', 422, `sku=teapot&quantity=0x1g&key=${crypto.randomUUID()}`],
    [
      'of an order of an article that is none',
      'orders',
      '/orders',
      422,
      `sku=tea+pot&quantity=1&key=${crypto.randomUUID()}`,
    ],
  ])('%s is refused as a page', async (what, service, path, status, body, headers) => {
    const credential = path === '/auth/sign-in' ? {} : cookie(token);
    const reply = await send(service, path, { method: 'POST', headers: { ...form, ...credential, ...headers }, body });
    expectPage(reply, status, what);
  });

  // A form is read before the session is looked at: what was typed is kept.
  const forms = { auth: 'session=others', orders: `sku=teapot&quantity=1&key=${crypto.randomUUID()}` };
  test.each<[service: Service, method: string, path: string]>([
    ['auth', 'GET', '/auth'],
    ['auth', 'GET', '/auth/devices'],
    ['auth', 'POST', '/auth/devices'],
    ['orders', 'GET', '/orders'],
    ['orders', 'POST', '/orders'],
  ])(
    'at %s %s %s what is no session leads to the sign-in page and back, and Redis is not asked',
    async (service, method, path) => {
      const before = await countCommands();
      const none = [ownPage, ...malformedTokens().map(([, value]) => cookie(value))];
      for (const headers of none) {
        const reply = await send(service, path, {
          method,
          headers: { ...form, ...headers },
          ...(method === 'POST' && { body: forms[service] }),
        });
        expect(reply.status, JSON.stringify(headers)).toBe(303);
        expect(reply.headers['location']).toContain(
          `/auth/sign-in?return_to=${encodeURIComponent(path)}&reason=session-m`,
        );
        expect(reply.headers['set-cookie']).toBeUndefined();
      }
      const five = [token, 'w', 'x', 'y', 'z'].map((value) => cookie(value).cookie);
      const tooMany = { ...ownPage, cookie: five.join('; ') };
      expectPage(
        await send(service, path, {
          method,
          headers: { ...form, ...tooMany },
          ...(method === 'POST' && { body: forms[service] }),
        }),
        400,
        'five cookies',
      );
      expect((await countCommands()) - before).toBe(0);
    },
  );

  test('of an unknown path or for a wrong method is a page too', async () => {
    expectPage(await send('auth', '/auth/nothing', {}), 404, '/auth/nothing');
    expectPage(await send('orders', '/orders/nothing', {}), 404, '/orders/nothing');
    const wrong = await send('auth', '/auth/sign-in', { method: 'PUT', headers: ownPage });
    expectPage(wrong, 405, 'PUT');
    expect(wrong.headers['allow']).toBe('GET, POST, HEAD, OPTIONS');
    expectPage(await send('orders', '/orders?cursor=hunter2', { headers: cookie(token) }), 400, 'cursor');
    expectPage(await send('auth', '/auth/sign-in?return_to=/a&return_to=/b', {}), 400, 'two ways back');
  });
});

test('logging out with what is no token is done at once, and Redis is not asked', async () => {
  const before = await countCommands();
  for (const [name, value] of malformedTokens()) {
    for (const headers of [bearer(value), cookie(value)]) {
      expect((await send('auth', '/v1/session', { method: 'DELETE', headers })).status, name).toBe(204);
    }
  }
  expect((await countCommands()) - before).toBe(0);
});

test('logging out with a wrong secret ends nothing', async () => {
  const headers = bearer(withAnotherSecret(token));
  expect((await send('auth', '/v1/session', { method: 'DELETE', headers })).status).toBe(204);
  expect((await send('auth', '/v1/session', { headers: bearer(token) })).status).toBe(200);
});

describe.each(['auth', 'orders'] as const)('at %s', (service) => {
  test.each([
    ['a header', { x: 'a'.repeat(100_000) }],
    ['a cookie', { cookie: `__Host-hf=${'a'.repeat(100_000)}` }],
    ['a bearer token', bearer('a'.repeat(100_000))],
  ])('%s of 100 kB is 431', async (name, headers) => {
    expectProblem(await send(service, '/v1/session', { headers }), 431, 'invalid-request', name);
  });

  test.each([
    ['/v1', '/v1/', '/v1/nothing', '/v1/session/', '//v1/session', '/V1/session', '/%00', '/%zz', '/v1/a/%2e%2e'],
    ['/.env', '/metrics', '/v1/orders/1/2', `/${'a'.repeat(4000)}`, '/v1/session;a=b'],
  ])('an unknown route is 404: %s …', async (...paths) => {
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        expectProblem(await send(service, path, { method, headers: bearer(token) }), 404, 'not-found', path);
      }
    }
  });

  test('an unknown method is refused, and a known one that is wrong here is told what fits', async () => {
    const path = service === 'auth' ? '/v1/session' : '/v1/orders';
    for (const method of ['PUT', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY']) {
      const reply = await send(service, path, { method, headers: bearer(token) });
      expectProblem(reply, 405, 'invalid-request', method);
      expect(reply.headers['allow']).toContain('GET');
    }
    expectProblem(await send(service, path, { method: 'FROB' }), 400, 'invalid-request', 'FROB');
  });
});

test.each<[service: Service, method: string, path: () => string, status: number, code: string]>([
  ['auth', 'DELETE', () => '/v1/sessions?except=all', 400, 'invalid-request'],
  ['auth', 'DELETE', () => '/v1/sessions/no-id', 404, 'not-found'],
  ['auth', 'DELETE', () => '/v1/sessions/..%2f..%2fhf:s:x', 404, 'not-found'],
  ['auth', 'DELETE', () => `/v1/sessions/${createSessionToken('nobody').id}`, 404, 'not-found'],
  ['orders', 'GET', () => '/v1/orders?limit=0', 400, 'invalid-request'],
  ['orders', 'GET', () => '/v1/orders?limit=many', 400, 'invalid-request'],
  ['orders', 'GET', () => '/v1/orders?limit=1&limit=2', 400, 'invalid-request'],
  ['orders', 'GET', () => '/v1/orders?cursor=hunter2', 400, 'invalid-request'],
  ['orders', 'GET', () => `/v1/orders?cursor=${'a'.repeat(201)}`, 400, 'invalid-request'],
  ['orders', 'GET', () => '/v1/orders/17', 404, 'not-found'],
  ['orders', 'GET', () => "/v1/orders/'%20or%201=1--", 404, 'not-found'],
  ['orders', 'GET', () => `/v1/orders/${foreignOrder}`, 404, 'not-found'],
])('%s %s with a wrong parameter (%o) is %d %s', async (service, method, path, status, code) => {
  expectProblem(await send(service, path(), { method, headers: bearer(token) }), status, code, path());
});

test('after all that no service has found a defect or logged a credential, and the session still works', async () => {
  for (const service of ['auth', 'orders'] as const) {
    const path = service === 'auth' ? '/v1/session' : '/v1/orders';
    expect((await send(service, path, { headers: cookie(token) })).status).toBe(200);
  }
  const logs = await services.readLogs();
  expect(logs.split('\n').filter((line) => /"level":"?(error|fatal|50|60)/.test(line))).toEqual([]);
  for (const secret of [token.slice(30), 'hunter2', ...services.users.map(({ password }) => password)]) {
    expect(logs.includes(secret), 'a credential in the log').toBe(false);
  }
});

/** Well-formed, with the id of that token and a secret that is not its own. */
function withAnotherSecret(original: string): string {
  const body = Buffer.concat([Buffer.from(original.slice(4), 'base64url').subarray(0, 16), randomBytes(32)]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return `hf1_${Buffer.concat([body, checksum]).toString('base64url')}`;
}

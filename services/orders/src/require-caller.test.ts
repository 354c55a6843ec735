import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type AskOptions, createTestOrders, type TestOrders } from './orders-fixture.ts';

let service: TestOrders;
beforeAll(async () => {
  service = await createTestOrders();
}, 60_000);
afterAll(() => service?.[Symbol.asyncDispose]());

const outcome = ({ status, body }: Answer) => `${status} ${body?.code ?? ''}`.trim();
const list = async (options: AskOptions) => outcome(await service.ask('GET', '/v1/orders', options));
const order = { sku: 'a', quantity: 1 };

test('a session counts by cookie and by bearer token', async () => {
  const cookie = await service.logIn();
  const token = cookie.split('=')[1] ?? '';
  expect(await list({ cookie })).toBe('200');
  expect(await list({ bearer: token })).toBe('200');
  expect(await list({ cookie, bearer: token })).toBe('400 invalid-request');
});

test('a dead session cookie beside the live one stops nobody, in the API and on the page; a second live one does', async () => {
  const [cookie, other] = [await service.logIn('alice'), await service.logIn('bob')];
  const dead = await service.logIn('alice');
  expect((await service.auth.ask('DELETE', '/v1/session', { cookie: dead })).status).toBe(204);
  for (const path of ['/v1/orders', '/orders']) {
    const status = async (...sent: string[]) => (await service.ask('GET', path, { cookie: sent.join('; ') })).status;
    expect([await status(cookie, dead), await status(dead, cookie), await status(cookie, other)], path).toEqual([
      200, 200, 400,
    ]);
  }
});

test.each([
  ['nothing', {}, '401 session-missing'],
  ['an empty bearer', { bearer: '' }, '401 session-malformed'],
  ['something', { bearer: 'something' }, '401 session-malformed'],
  ['a cut token', { bearer: 'hf1_abc' }, '401 session-malformed'],
  ['two dots', { bearer: '..' }, '401 session-malformed'],
  ['two parts', { bearer: 'a.b' }, '401 session-malformed'],
] as const)('no session: %s', async (_, options, expected) => {
  expect(await list(options)).toBe(expected);
});

test('a session that was logged out has ended here too', async () => {
  const cookie = await service.logIn();
  expect(await list({ cookie })).toBe('200');
  expect((await service.auth.ask('DELETE', '/v1/session', { cookie })).status).toBe(204);
  expect(await list({ cookie })).toBe('401 session-revoked');
});

test('another site can’t order with the cookie, but a token is no cookie', async () => {
  const headers = { 'sec-fetch-site': 'cross-site' };
  const cookie = await service.logIn();
  const post = (options: AskOptions) => service.ask('POST', '/v1/orders', { body: order, headers, ...options });
  expect(outcome(await post({ cookie }))).toBe('403 csrf-rejected');
  expect(outcome(await post({ bearer: cookie.split('=')[1] ?? '' }))).toBe('201');
});

describe('a JWT', () => {
  beforeAll(() => service.startAuth());
  afterAll(() => service.stopAuth());

  test('from auth speaks for its user', async () => {
    const placed = await service.ask('POST', '/v1/orders', { bearer: await service.getJwt('alice'), body: order });
    expect(placed.status).toBe(201);
    const path = `/v1/orders/${placed.body.order.id}`;
    expect((await service.ask('GET', path, { cookie: await service.logIn('alice') })).status).toBe(200);
    expect((await service.ask('GET', path, { bearer: await service.getJwt('bob') })).status).toBe(404);
  });

  test('is logged by its session id, and never itself', async () => {
    const bearer = await service.getJwt('alice');
    await list({ bearer });
    const { sid } = JSON.parse(Buffer.from(bearer.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
    expect(service.logText()).toContain(`"sessionId":"${sid}"`);
    expect(service.logText()).not.toContain(bearer.slice(-40));
  });

  test('that auth did not sign, or not for this, is refused', async () => {
    const good = await service.getJwt();
    const [head = '', body = '', signature = ''] = good.split('.');
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string };
    const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
    const rsa = await generateKeyPair('RS256');
    const iat = Math.floor(Date.now() / 1000);
    const claims = { sub: 'id-alice', sid: 's', iss: service.issuer, aud: 'orders', iat, exp: iat + 60 };
    const typ = 'holdfast+jwt';
    const forge = (payload: JWTPayload, id = kid) =>
      new SignJWT(payload).setProtectedHeader({ alg: 'EdDSA', kid: id, typ }).sign(privateKey);
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const secret = Buffer.from(JSON.stringify(await exportJWK(privateKey)));
    const forged = {
      'another key under the same id': await forge(claims),
      'an unknown key': await forge(claims, 'unknown'),
      'no signature': `${encode({ alg: 'none' })}.${body}.x`,
      'another algorithm': await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid, typ })
        .sign(rsa.privateKey),
      'a shared secret': await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid, typ }).sign(secret),
      'other claims': `${head}.${encode({ ...claims, sub: 'id-bob' })}.${signature}`,
      'another character': `${head}.${body}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`,
      'three words': 'three.small.words',
    };
    for (const [what, bearer] of Object.entries(forged)) {
      expect(await list({ bearer }), what).toBe('401 session-malformed');
    }
    expect(await list({ bearer: good }), 'the real one').toBe('200');
  });

  test('can be checked without auth while the keys are known, and is 503 when they cannot be had', async () => {
    const bearer = await service.getJwt();
    expect(await list({ bearer })).toBe('200');
    await service.stopAuth();
    expect(await list({ bearer })).toBe('200');
    await using other = await createTestOrders();
    const answer = await other.ask('GET', '/v1/orders', { bearer: await other.getJwt() });
    expect(outcome(answer)).toBe('503 store-unavailable');
    expect(answer.headers.get('retry-after')).toBe('1');
    await other.startAuth();
    expect(outcome(await other.ask('GET', '/v1/orders', { bearer: await other.getJwt() }))).toBe('200');
  });
});

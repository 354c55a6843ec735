import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HoldfastError } from '@holdfast/session';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { expect, onTestFinished, test, vi } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { generateSigningKeys } from '../../auth/src/signing-keys.ts';
import { createTokenVerifier, type TokenVerifier } from './create-token-verifier.ts';

const signer = await generateSigningKeys();
const issuer = 'https://auth.example';
const claims = { iss: issuer, aud: 'orders', sub: 'id-alice', sid: 'session-1' };

async function serve(
  listener: RequestListener,
): Promise<AsyncDisposable & { verify: TokenVerifier; requests: number }> {
  const state = { requests: 0 };
  const server = createServer((request, response) => {
    state.requests++;
    listener(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  const dispose = async () => {
    server.closeAllConnections();
    server.close();
  };
  const verify = createTokenVerifier({ jwksUrl, issuer, audience: 'orders' });
  return {
    verify,
    get requests() {
      return state.requests;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

const serveKeys = async () => {
  const keys = JSON.stringify({ keys: await signer.publicKeys() });
  return serve((_request, response) => response.end(keys));
};

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    (result) => result,
    (error) => (error instanceof HoldfastError ? `${error.status} ${error.code}` : error),
  );

test('a token that auth signed for orders tells the user and the session', async () => {
  await using auth = await serveKeys();
  expect(await auth.verify(await signer.sign(claims, 60))).toEqual({ userId: 'id-alice', sessionId: 'session-1' });
});

test('an expired token says so', async () => {
  await using auth = await serveKeys();
  expect(await outcome(auth.verify(await signer.sign(claims, -1)))).toBe('401 session-expired-absolute');
});

test('a token for another service, from another issuer, or without a claim is refused', async () => {
  await using auth = await serveKeys();
  const { sub: _sub, ...withoutSub } = claims;
  const { sid: _sid, ...withoutSid } = claims;
  const { aud: _aud, ...withoutAudience } = claims;
  const wrong = {
    'another audience': { ...claims, aud: 'billing' },
    'no audience': withoutAudience,
    'another issuer': { ...claims, iss: 'https://auth.example.evil' },
    'no user': withoutSub,
    'an empty user': { ...claims, sub: '' },
    'no session': withoutSid,
    'a session that is no text': { ...claims, sid: 7 },
    'not valid yet': { ...claims, nbf: 4_102_444_800 },
  };
  for (const [what, payload] of Object.entries(wrong)) {
    expect(await outcome(auth.verify(await signer.sign(payload, 60))), what).toBe('401 session-malformed');
  }
});

test('a token of another type, issued in the future, or for longer than auth makes them, is refused', async () => {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA');
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'EdDSA', use: 'sig' }] });
  await using auth = await serve((_request, response) => response.end(keys));
  const nowSeconds = Math.floor(Date.now() / 1000);
  const sign = (typ: string | undefined, times: Record<string, unknown>) =>
    new SignJWT({ ...claims, iat: nowSeconds, exp: nowSeconds + 60, ...times } as JWTPayload)
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k', ...(typ === undefined ? {} : { typ }) })
      .sign(privateKey);
  // A rolling upgrade: auth's first builds called them JWT. Clocks are never quite the same.
  for (const [typ, iat] of [
    ['holdfast+jwt', 0],
    ['JWT', 0],
    ['holdfast+jwt', 5],
  ] as const) {
    const times = { iat: nowSeconds + iat, exp: nowSeconds + iat + 60 };
    expect(await outcome(auth.verify(await sign(typ, times)))).toMatchObject({ userId: 'id-alice' });
  }
  for (const typ of [undefined, '', 'logout+jwt', 'at+jwt', 'dpop+jwt', 'secevent+jwt', 'id_token']) {
    expect(await outcome(auth.verify(await sign(typ, {}))), String(typ)).toBe('401 session-malformed');
  }
  const wrongTimes: Record<string, unknown>[] = [
    { iat: undefined },
    { iat: 'now' },
    { iat: nowSeconds + 60, exp: nowSeconds + 120 },
    { exp: nowSeconds + 61 },
    { exp: nowSeconds + 365 * 86_400 },
    { exp: 1e300 },
    { iat: -1e300, exp: nowSeconds + 60 },
    { iat: nowSeconds - 3600, exp: nowSeconds + 60 },
  ];
  for (const times of wrongTimes) {
    expect(await outcome(auth.verify(await sign('holdfast+jwt', times))), JSON.stringify(times)).toBe(
      '401 session-malformed',
    );
  }
});

test.each([
  ['answers with an error', (_request, response) => response.writeHead(500).end()],
  ['answers with something else', (_request, response) => response.end('<html>')],
  ['answers with JSON that holds no keys', (_request, response) => response.end('{}')],
  ['cuts the connection', (request) => request.socket.destroy()],
  ['never answers', () => {}],
] satisfies [string, RequestListener][])('that auth %s says nothing about a token: 503', async (_, listener) => {
  await using auth = await serve(listener);
  expect(await outcome(auth.verify(await signer.sign(claims, 60)))).toBe('503 store-unavailable');
});

test('one connection to auth that is refused, as while its pods are replaced, costs nobody an answer', async () => {
  const keys = JSON.stringify({ keys: await signer.publicKeys() });
  await using auth = await serve((request, response) => {
    if (auth.requests === 1) request.socket.destroy();
    else response.end(keys);
  });
  expect(await auth.verify(await signer.sign(claims, 60))).toMatchObject({ userId: 'id-alice' });
});

test('keys that were loaded before the first request are enough while auth is away, for hours', async () => {
  const keys = JSON.stringify({ keys: await signer.publicKeys() });
  await using auth = await serve((request, response) => {
    if (auth.requests === 1) response.end(keys);
    else request.socket.destroy();
  });
  await auth.verify.load();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3 * 3_600_000 });
  onTestFinished(() => void vi.useRealTimers());
  expect(await outcome(auth.verify(await signer.sign(claims, 60)))).toMatchObject({ userId: 'id-alice' });
  expect(auth.requests).toBe(1);
});

test('keys that auth does not give at the start are fetched before a request needs them, as soon as it does', async () => {
  const keys = JSON.stringify({ keys: await signer.publicKeys() });
  let [there, given] = [false, 0];
  await using auth = await serve((request, response) => {
    if (!there) request.socket.destroy();
    else response.end(keys, () => given++);
  });
  await expect(auth.verify.load()).rejects.toThrow();
  there = true;
  await pollUntil('the keys to be fetched', 5000, () => given === 1);
  there = false;
  expect(await outcome(auth.verify(await signer.sign(claims, 60)))).toMatchObject({ userId: 'id-alice' });
});

test('made-up keys do not make us ask auth again and again', async () => {
  await using auth = await serveKeys();
  const other = await generateSigningKeys();
  for (let n = 0; n < 20; n++) {
    expect(await outcome(auth.verify(await other.sign(claims, 60)))).toBe('401 session-malformed');
  }
  expect(auth.requests).toBe(1);
});

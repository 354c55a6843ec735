import { createHash, randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { CompactEncrypt } from 'jose';
import { expect, test } from 'vitest';
import { ID_TOKEN_COOKIE, readIdTokenCookie, setIdTokenCookie } from './id-token-cookie.ts';

const keys = [randomBytes(32), randomBytes(32)] as [Buffer, Buffer];
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenWith = (claims: object) =>
  `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}.${randomBytes(256).toString('base64url')}`;
const expiresAtMs = Date.UTC(2040, 0, 1);
const toHeader = (cookie = '') => cookie.split(';')[0] ?? '';
const idToken = tokenWith({ iss: 'https://id.example', sub: 'ann', name: 'Änn', groups: ['a', 'b'] });

test('comes back to the letter, also where another key has become the first meanwhile', async () => {
  const cookie = await setIdTokenCookie(keys, idToken, expiresAtMs);
  expect(cookie).toMatch(
    /^__Secure-hf-id-token=[^;]+; Path=\/auth\/oidc\/logout; Expires=Sun, 01 Jan 2040 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax$/,
  );
  expect(await readIdTokenCookie(keys, toHeader(cookie))).toBe(idToken);
  expect(await readIdTokenCookie([keys[1], keys[0]], `a=b; ${toHeader(cookie)}`)).toBe(idToken);
});

test('tells nothing to whoever has no key, and is none of ours when it was changed', async () => {
  const header = toHeader(await setIdTokenCookie(keys, idToken, expiresAtMs));
  for (const piece of [idToken, ...idToken.split('.')]) expect(header).not.toContain(piece);
  expect(await readIdTokenCookie([randomBytes(32)], header)).toBeUndefined();
  for (const changed of [
    header.slice(0, -4),
    `${header}AAAA`,
    `${ID_TOKEN_COOKIE}=`,
    `${ID_TOKEN_COOKIE}=${idToken}`,
    'x=1',
  ]) {
    expect(await readIdTokenCookie(keys, changed)).toBeUndefined();
  }
  expect(await readIdTokenCookie(keys, undefined)).toBeUndefined();
});

test('holds a token of many groups, and leaves out one that would break the headers of proxies', async () => {
  const groups = (count: number) =>
    Array.from({ length: count }, (_, index) => `/departments/engineering/team-${index}`);
  const many = tokenWith({ sub: 'ann', groups: groups(55) });
  expect(many.length).toBeGreaterThan(2900);
  const cookie = await setIdTokenCookie(keys, many, expiresAtMs);
  expect(cookie?.length).toBeLessThan(3200);
  expect(await readIdTokenCookie(keys, toHeader(cookie))).toBe(many);
  const digests = Array.from({ length: 100 }, (_, index) => createHash('sha256').update(`${index}`).digest('hex'));
  expect(await setIdTokenCookie(keys, tokenWith({ groups: digests }), expiresAtMs)).toBeUndefined();
  // However well it packs: the address of the provider's page has it as it is.
  for (const length of [4000, 70_000, 1_000_000]) {
    expect(await setIdTokenCookie(keys, tokenWith({ name: 'a'.repeat(length) }), expiresAtMs)).toBeUndefined();
  }
});

test('one that an earlier release has kept though it is too long counts as none', async () => {
  for (const length of [3000, 70_000]) {
    const packed = deflateRawSync(
      Buffer.concat([Buffer.from([1]), Buffer.from([0, 0, length >> 8, length & 255]), Buffer.alloc(length)]),
    );
    const value = await new CompactEncrypt(packed).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(keys[0]);
    expect(await readIdTokenCookie(keys, `${ID_TOKEN_COOKIE}=${value}`)).toBeUndefined();
  }
});

test('takes nothing that would not come back to the letter', async () => {
  for (const odd of ['a.b.c', `${idToken}=`, `${idToken}\n`, `${idToken} `]) {
    const cookie = await setIdTokenCookie(keys, odd, expiresAtMs);
    if (cookie !== undefined) expect(await readIdTokenCookie(keys, toHeader(cookie))).toBe(odd);
  }
});

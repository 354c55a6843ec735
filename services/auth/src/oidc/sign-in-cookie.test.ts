import { randomBytes } from 'node:crypto';
import { EncryptJWT } from 'jose';
import { expect, test } from 'vitest';
import { clearForgottenSignIns, readSignInCookie, SIGN_IN_COOKIE, setSignInCookie } from './sign-in-cookie.ts';

const keys = [randomBytes(32), randomBytes(32)] as [Buffer, Buffer];
const pending = { state: 'the state', nonce: 'n', codeVerifier: 'v', returnTo: '/orders' };
/** VT, FF, and every byte beyond ASCII, as Node reads headers. */
const oddBytes = ['\v', '\f', ...Array.from({ length: 128 }, (_, index) => String.fromCharCode(0x80 + index))];
const toHeader = (cookie: string) => cookie.split(';')[0] ?? '';

test('comes back as it was, also where another key has become the first meanwhile', async () => {
  const header = toHeader(await setSignInCookie(keys, pending));
  expect(await readSignInCookie(keys, header, pending.state)).toEqual(pending);
  expect(await readSignInCookie([keys[1], keys[0]], `a=b; ${header}`, pending.state)).toEqual(pending);
});

test('is no one’s who has not got the key, the state or the whole of it', async () => {
  const header = toHeader(await setSignInCookie(keys, pending));
  expect(await readSignInCookie([randomBytes(32)], header, pending.state)).toBeUndefined();
  expect(await readSignInCookie(keys, header, 'another state')).toBeUndefined();
  expect(await readSignInCookie(keys, header.slice(0, -1), pending.state)).toBeUndefined();
  expect(await readSignInCookie(keys, undefined, pending.state)).toBeUndefined();
  // The name of one with the content of another.
  const other = toHeader(await setSignInCookie(keys, { ...pending, state: 'other' }));
  const swapped = `${header.split('=')[0]}=${other.split('=')[1]}`;
  expect(await readSignInCookie(keys, swapped, pending.state)).toBeUndefined();
});

test('is found under its own name only: no byte around the name or the value is a blank but space and tab', async () => {
  const [name = '', value = ''] = toHeader(await setSignInCookie(keys, pending)).split('=');
  for (const blank of ['', ' ', '\t', ' \t ']) {
    const header = `a=b;${blank}${name}${blank}=${blank}${value}${blank}`;
    expect(await readSignInCookie(keys, header, pending.state)).toEqual(pending);
  }
  const six = [...'abcdef'].map((letter) => SIGN_IN_COOKIE + letter.repeat(16));
  for (const byte of oddBytes) {
    const planted = [
      `${byte}${name}=${value}`,
      `${name}${byte}=${value}`,
      `${name}=${byte}${value}`,
      `${name}=${value}${byte}`,
    ];
    for (const header of planted) {
      expect(await readSignInCookie(keys, header, pending.state), JSON.stringify(header)).toBeUndefined();
    }
    // Nor does a planted one push out those that are real.
    expect(clearForgottenSignIns(six.map((each) => `${byte}${each}=v`).join('; '))).toEqual([]);
  }
});

test('is over after ten minutes, whatever the browser keeps', async () => {
  const name = toHeader(await setSignInCookie(keys, pending)).split('=')[0];
  const make = (exp: string) =>
    new EncryptJWT(pending).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).setExpirationTime(exp).encrypt(keys[0]);
  expect(await readSignInCookie(keys, `${name}=${await make('1s ago')}`, pending.state)).toBeUndefined();
  expect(await readSignInCookie(keys, `${name}=${await make('10s')}`, pending.state)).toEqual(pending);
});

test('makes room for itself: the oldest of too many go', () => {
  const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => SIGN_IN_COOKIE + letter.repeat(16));
  const header = (count: number) => ['x=1', ...names.slice(0, count).map((name) => `${name}=v`)].join('; ');
  expect(clearForgottenSignIns(header(3))).toEqual([]);
  expect(clearForgottenSignIns(header(5)).map(toHeader)).toEqual([`${names[0]}=`, `${names[1]}=`]);
  expect(clearForgottenSignIns(undefined)).toEqual([]);
  // What others named so can't write a header of ours.
  expect(clearForgottenSignIns(`${SIGN_IN_COOKIE}x\r\ny=1; `.repeat(9))).toEqual([]);
});

import { expect, test } from 'vitest';
import { parseReturnPath, signInPath } from './return-path.ts';

test.each(['/', '/orders', '/orders?cursor=a%2Fb&x=1', '/auth/devices#top', '/%5cevil.example'])(
  'leads back to a path of this site: %s',
  (path) => expect(parseReturnPath(path)).toBe(path),
);

test.each([
  undefined,
  '',
  'orders',
  'https://evil.example/',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/a/..//evil.example',
  '/%2e//evil.example',
  'javascript:alert(1)',
  ' //evil.example',
  `/${'a'.repeat(512)}`,
])('never leads to another site: %j', (path) => expect(parseReturnPath(path)).toBeUndefined());

test.each([
  '/auth/oidc/login',
  '/auth/oidc/logout?x=1',
  '/auth/%6fidc/login',
  '/auth/./oidc/login',
  '/a/../auth%2Foidc/login',
])('never begins another sign-in or sign-out: %s', (path) => expect(parseReturnPath(path)).toBeUndefined());

test('leads back to a path with a percent sign that encodes nothing', () =>
  expect(parseReturnPath('/orders/50%-off')).toBe('/orders/50%-off'));

test('a path survives its way through the sign-in page, whatever is in it', () => {
  const path = '/orders?cursor=a&b=%26%3D#c';
  expect(parseReturnPath(new URL(signInPath(path), 'https://shop.example').searchParams.get('return_to') ?? '')).toBe(
    path,
  );
});

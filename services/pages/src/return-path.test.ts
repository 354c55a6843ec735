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

test('a path survives its way through the sign-in page, whatever is in it', () => {
  const path = '/orders?cursor=a&b=%26%3D#c';
  expect(parseReturnPath(new URL(signInPath(path), 'https://shop.example').searchParams.get('return_to') ?? '')).toBe(
    path,
  );
});

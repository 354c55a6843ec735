import { expect, test } from 'vitest';
import { parseReturnPath } from './return-path.ts';

test.each(['/', '/orders', '/orders?cursor=a%2Fb&x=1', '/auth/devices#top', '/%5cevil.example'])(
  'leads back to a path of this site: %s',
  (path) => expect(parseReturnPath(path)).toBe(path),
);

test.each(['', 'orders', 'https://evil.example/', '//evil.example', '/\\evil.example', '/\n/evil.example', '/a/..//x'])(
  'never leads to another site: %j',
  (path) => expect(parseReturnPath(path)).toBeUndefined(),
);

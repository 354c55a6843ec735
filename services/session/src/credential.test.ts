import { describe, expect, test } from 'vitest';
import { readCredential } from './credential.ts';

const read = (headers: Record<string, string>) => readCredential((name) => headers[name]);

describe('readCredential', () => {
  test('finds the cookie among others, and only under its whole name', () => {
    expect(read({ cookie: 'a=1; __Host-hf=T; __Host-hf-device=D' })).toEqual({ kind: 'cookie', tokens: ['T'] });
    expect(read({ cookie: '__Host-hf-device=D; x__Host-hf=E' })).toEqual({ kind: 'none' });
    expect(read({ cookie: '__Host-hf=' })).toEqual({ kind: 'none' });
  });

  test('finds a bearer token in any case of the scheme, and leaves other schemes alone', () => {
    expect(read({ authorization: 'bEARER T' })).toEqual({ kind: 'bearer', tokens: ['T'] });
    expect(read({ authorization: 'Basic T' })).toEqual({ kind: 'none' });
    expect(read({ authorization: 'Basic T', cookie: '__Host-hf=C' })).toEqual({ kind: 'cookie', tokens: ['C'] });
  });

  test('a scheme without a token is a malformed credential, not none', () => {
    expect(read({ authorization: 'Bearer' })).toEqual({ kind: 'bearer', tokens: [''] });
  });

  test('takes up to four session cookies, each value once, in the order sent; an empty one is none', () => {
    const cookie = (...values: string[]) => values.map((value) => `__Host-hf=${value}`).join('; ');
    expect(read({ cookie: cookie('A', 'A', 'A') })).toEqual({ kind: 'cookie', tokens: ['A'] });
    expect(read({ cookie: cookie('', 'A') })).toEqual({ kind: 'cookie', tokens: ['A'] });
    expect(read({ cookie: cookie('D', 'A', 'D', 'B', 'C', 'A') })).toEqual({
      kind: 'cookie',
      tokens: ['D', 'A', 'B', 'C'],
    });
    expect(read({ cookie: cookie('', '') })).toEqual({ kind: 'none' });
  });

  test.each([
    ['a cookie and a bearer token', { cookie: '__Host-hf=A', authorization: 'Bearer B' }],
    ['five cookies', { cookie: [...'ABCDE'].map((value) => `__Host-hf=${value}`).join('; ') }],
  ])('refuses %s', (_, headers) => {
    expect(() => read(headers)).toThrow(expect.objectContaining({ code: 'invalid-request', status: 400 }));
  });
});

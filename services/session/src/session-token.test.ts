import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSessionToken, isSessionId, parseSessionToken } from './session-token.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

describe('session token', () => {
  test('what is created can be parsed, and says the same', () => {
    const { token, id, secretHash } = createSessionToken('nobody');
    expect(token).toMatch(/^hf1_[A-Za-z0-9_-]{70}$/);
    expect(parseSessionToken(token)).toEqual({ id, secretHash });
    expect(isSessionId(id)).toBe(true);
  });

  test('holds 16 bytes of id, 32 of secret and their checksum, the hash being SHA-256 of the secret alone', () => {
    const { token, id, secretHash } = createSessionToken('nobody');
    const bytes = Buffer.from(token.slice(4), 'base64url');
    expect(bytes.length).toBe(52);
    expect(bytes.subarray(0, 16).toString('base64url')).toBe(id);
    expect(hash('sha256', bytes.subarray(16, 48), 'base64url')).toBe(secretHash);
  });

  test('no two are alike', () => {
    const tokens = Array.from({ length: 1000 }, () => createSessionToken('nobody'));
    expect(new Set(tokens.map(({ id }) => id)).size).toBe(1000);
    expect(new Set(tokens.map(({ secretHash }) => secretHash)).size).toBe(1000);
  });

  test('no other spelling of a token is one: not a single changed character, at any place', () => {
    const { token } = createSessionToken('nobody');
    for (let place = 0; place < token.length; place++) {
      for (const character of [...alphabet, '+', '/', '=', ' ', 'é', '\0']) {
        if (character === token[place]) continue;
        const changed = token.slice(0, place) + character + token.slice(place + 1);
        expect(parseSessionToken(changed), `${character} at ${place}`).toBeUndefined();
      }
    }
  });

  test.each([
    ['empty', () => ''],
    ['the prefix alone', () => 'hf1_'],
    ['cut by one', (token: string) => token.slice(0, -1)],
    ['cut in half', (token: string) => token.slice(0, 40)],
    ['one too many', (token: string) => `${token}A`],
    ['padded', (token: string) => `${token}==`],
    ['with a newline', (token: string) => `${token}\n`],
    ['with white space before', (token: string) => ` ${token}`],
    ['twice', (token: string) => token + token],
    ['another version', (token: string) => token.replace('hf1_', 'hf2_')],
    ['in hexadecimal', (token: string) => `hf1_${Buffer.from(token.slice(4), 'base64url').toString('hex')}`],
    ['in upper case', (token: string) => token.toUpperCase()],
    ['a megabyte', () => `hf1_${'A'.repeat(1_000_000)}`],
    ['a JWT', () => 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.AAAA'],
  ])('is refused when %s', (_, change) => {
    expect(parseSessionToken(change(createSessionToken('nobody').token))).toBeUndefined();
  });
});

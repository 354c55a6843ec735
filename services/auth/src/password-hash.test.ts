import { describe, expect, test } from 'vitest';
import { hashPassword, parsePasswordHash, verifyPassword } from './password-hash.ts';

const cheap = { memoryKiB: 64, passes: 1, parallelism: 1 };

describe('password hash', () => {
  test('accepts the password it was made from, and no other', async () => {
    const hash = await hashPassword('correct horse', cheap);
    expect(await verifyPassword('correct horse', hash)).toBe(true);
    for (const wrong of ['', 'correct hors', 'correct horse ', 'Correct horse']) {
      expect(await verifyPassword(wrong, hash)).toBe(false);
    }
  });

  test('takes both spellings of an accent for the same password', async () => {
    expect(await verifyPassword('cafe\u0301', await hashPassword('caf\u00e9', cheap))).toBe(true);
  });

  test('reads what other argon2 implementations write (test vector of the reference implementation, version 19)', async () => {
    // argon2 0d: `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -e`
    const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await verifyPassword('password', hash)).toBe(true);
    expect(await verifyPassword('differentpassword', hash)).toBe(false);
  });

  test('salts: the same password twice gives two hashes', async () => {
    expect(await hashPassword('x', cheap)).not.toBe(await hashPassword('x', cheap));
  });

  test.each([
    '',
    'secret',
    '$2b$12$abcdefghijklmnopqrstuv',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  ])('refuses %j and does not repeat it', (text) => {
    expect(() => parsePasswordHash(text)).toThrow(/npm run user:hash/);
    expect(() => parsePasswordHash(text)).not.toThrow(
      text === '' ? /^$/ : new RegExp(text.slice(0, 40).replace(/[$.*+?^()[\]{}|\\]/g, '\\$&')),
    );
  });
});

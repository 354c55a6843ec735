import { argon2Sync, randomBytes } from 'node:crypto';
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

  test.each(['passw\u00b2rd', 'cafe\u0301', '\ufb01sh', '\u212b', '\uff41\uff42\uff43', 'a\u00a0b'])(
    'takes %j as it is typed too, since other tools hash it so',
    async (password) => {
      const hash = hashAsTyped(password);
      expect(await verifyPassword(password, hash)).toBe(true);
      expect(await verifyPassword(`${password}x`, hash)).toBe(false);
      expect(await verifyPassword('password', hash)).toBe(false);
    },
  );

  test('salts: the same password twice gives two hashes', async () => {
    expect(await hashPassword('x', cheap)).not.toBe(await hashPassword('x', cheap));
  });

  test('takes a decomposed spelling of what another tool hashed composed, also beside a character that NFKC changes', async () => {
    const hash = hashAsTyped('Caf\u00e9\u00b2!');
    expect(await verifyPassword('Cafe\u0301\u00b2!', hash)).toBe(true);
    expect(await verifyPassword('Cafe\u00b2!', hash)).toBe(false);
  });

  test('refuses every hash that lacks its last characters', async () => {
    const whole = await hashPassword('x', cheap);
    expect(() => parsePasswordHash(whole)).not.toThrow();
    // 43 characters are 32 bytes; 32 of them are 24, which is as good a tag.
    for (let lacking = 1; lacking <= 10; lacking++) {
      expect(() => parsePasswordHash(whole.slice(0, -lacking))).toThrow(/npm run user:hash/);
    }
    expect(() => parsePasswordHash(`${whole}A`)).toThrow(/npm run user:hash/);
  });

  test.each([
    ['a tag with bits that are no byte', 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPd', 'c29tZXNhbHQ'],
    ['a tag of 41 characters', 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRP', 'c29tZXNhbHQ'],
    ['a salt with bits that are no byte', 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'c29tZXNhbHR'],
    ['a salt of 13 characters', 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'c29tZXNhbHQAA'],
  ])('refuses %s', (_, tag, salt) => {
    expect(() => parsePasswordHash(`$argon2id$v=19$m=65536,t=2,p=1$${salt}$${tag}`)).toThrow(/npm run user:hash/);
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

/** A hash as tools make it that know nothing of NFKC. */
function hashAsTyped(password: string): string {
  const nonce = randomBytes(16);
  const tag = argon2Sync('argon2id', {
    message: password,
    nonce,
    memory: 64,
    passes: 1,
    parallelism: 1,
    tagLength: 32,
  });
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=64,t=1,p=1$${base64(nonce)}$${base64(tag)}`;
}

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);

/** What a guess costs. The default is the second choice of OWASP's Password Storage Cheat Sheet: 19 MiB, 2 passes. */
export interface HashCost {
  memoryKiB: number;
  passes: number;
  parallelism: number;
}

export const defaultHashCost: HashCost = { memoryKiB: 19_456, passes: 2, parallelism: 1 };

interface PasswordHash extends HashCost {
  salt: Buffer;
  tag: Buffer;
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/**
 * Reads an argon2id hash in PHC string format (RFC 9106; version 19, at most 1 GiB and 16 lanes).
 * @throws Error that says what a right one looks like; it does not repeat the hash
 */
export function parsePasswordHash(text: string): PasswordHash {
  const [, memoryKiB, passes, parallelism, salt, tag] = PHC.exec(text) ?? [];
  const hash = {
    memoryKiB: Number(memoryKiB),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt ?? '', 'base64'),
    tag: Buffer.from(tag ?? '', 'base64'),
  };
  const sound = hash.passes >= 1 && hash.parallelism >= 1 && hash.parallelism <= 16;
  if (!sound || hash.memoryKiB < 8 * hash.parallelism || hash.memoryKiB > 1_048_576) {
    throw new Error(
      'not an argon2id hash such as $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>; make one with `npm run user:hash`',
    );
  }
  return hash;
}

/** A new argon2id hash of a password, as a PHC string. */
export async function hashPassword(password: string, cost: HashCost = defaultHashCost): Promise<string> {
  const salt = randomBytes(16);
  const tag = await run(password, { ...cost, salt, tag: Buffer.alloc(32) });
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=${cost.memoryKiB},t=${cost.passes},p=${cost.parallelism}$${base64(salt)}$${base64(tag)}`;
}

/** Whether the password is the one that was hashed, compared in constant time. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const parsed = parsePasswordHash(hash);
  return timingSafeEqual(await run(password, parsed), parsed.tag);
}

/** Passwords are compared as NFKC (NIST SP 800-63B-4, section 3.1.1.2): keyboards differ in how they spell an accent. */
function run(password: string, hash: PasswordHash): Promise<Buffer> {
  return derive('argon2id', {
    message: password.normalize('NFKC'),
    nonce: hash.salt,
    memory: hash.memoryKiB,
    passes: hash.passes,
    parallelism: hash.parallelism,
    tagLength: hash.tag.length,
  });
}

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
 * Reads an argon2id hash in PHC string format (RFC 9106; version 19, at most 1 GiB and 16 lanes). One that was cut off could
 * never match, so its tag must be 16, 24, 32, 40, 48, 56 or 64 bytes, as tools make them.
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
  const whole = isBase64(salt, hash.salt) && isBase64(tag, hash.tag) && hash.tag.length % 8 === 0;
  if (!sound || !whole || hash.memoryKiB < 8 * hash.parallelism || hash.memoryKiB > 1_048_576) {
    throw new Error(
      'not an argon2id hash such as $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>; make one with `npm run user:hash`',
    );
  }
  return hash;
}

/** Whether a text is base64 of these bytes and of no others: a character too few leaves bits that are no byte. */
const isBase64 = (text: string | undefined, bytes: Buffer) => text === toBase64(bytes);
const toBase64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');

/** A new argon2id hash of a password, as a PHC string. */
export async function hashPassword(password: string, cost: HashCost = defaultHashCost): Promise<string> {
  const salt = randomBytes(16);
  const tag = await run(password.normalize('NFKC'), { ...cost, salt, tag: Buffer.alloc(32) });
  return `$argon2id$v=19$m=${cost.memoryKiB},t=${cost.passes},p=${cost.parallelism}$${toBase64(salt)}$${toBase64(tag)}`;
}

/**
 * Whether the password is the one that was hashed, compared in constant time. Passwords are compared as NFKC (NIST SP
 * 800-63B-4, section 3.1.1.2): keyboards differ in how they spell an accent. Other tools hash them as they are typed, so one
 * that NFKC changes is tried that way too, and composed. How much work that is depends on the password only, never on the hash.
 */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const parsed = parsePasswordHash(hash);
  let right = false;
  for (const spelling of new Set([password.normalize('NFKC'), password, password.normalize('NFC')])) {
    right = timingSafeEqual(await run(spelling, parsed), parsed.tag) || right;
  }
  return right;
}

function run(message: string, hash: PasswordHash): Promise<Buffer> {
  return derive('argon2id', {
    message,
    nonce: hash.salt,
    memory: hash.memoryKiB,
    passes: hash.passes,
    parallelism: hash.parallelism,
    tagLength: hash.tag.length,
  });
}

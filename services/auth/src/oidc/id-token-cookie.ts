import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { readCookies } from '@holdfast/session';
import { CompactEncrypt, compactDecrypt } from 'jose';

/**
 * The ID token of the last sign-in, encrypted, for the one thing that it is needed for afterwards: many providers sign
 * nobody out without it (`id_token_hint`; OpenID Connect RP-Initiated Logout 1.0, section 2). Not in Redis, where it would
 * double the size of a session and stay behind in dumps. Not a `__Host-` cookie, which goes with every request to every service:
 * this path alone gets it. So a sibling host could plant one, and only with an ID token of its own that we have encrypted:
 * a provider asks before it signs out somebody whom the hint is not for.
 */
export const ID_TOKEN_COOKIE = '__Secure-hf-id-token';

const PATH = '/auth/oidc/logout';
/** With the other headers of the answer it stays below the 4 KB that proxies have for them, and browsers for a cookie. */
const LONGEST = 3000;
/** It goes into the address of the provider's page, and so into a header of our answer, for which proxies have 4 KB. */
const LONGEST_TOKEN = 3500;

/** @returns undefined for a token that is too long to be kept */
export async function setIdTokenCookie(
  keys: Buffer[],
  idToken: string,
  expiresAtMs: number,
): Promise<string | undefined> {
  const packed = idToken.length > LONGEST_TOKEN ? undefined : pack(idToken);
  if (packed === undefined) return undefined;
  const value = await new CompactEncrypt(packed)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(keys[0] as Buffer);
  if (value.length > LONGEST) return undefined;
  return toCookie(value, `Expires=${new Date(expiresAtMs).toUTCString()}`);
}

export const clearIdTokenCookie = (): string => toCookie('', 'Max-Age=0');

/** The ID token that this browser keeps, or undefined where it keeps none that we have encrypted. */
export async function readIdTokenCookie(keys: Buffer[], cookieHeader: string | undefined): Promise<string | undefined> {
  for (const value of readCookies(cookieHeader, ID_TOKEN_COOKIE)) {
    for (const key of keys) {
      const options = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };
      // Whatever is wrong with it, it is none of ours: signing out goes on without.
      const token = await compactDecrypt(value, key, options).then(
        ({ plaintext }) => unpack(plaintext),
        () => undefined,
      );
      if (token !== undefined) return token;
    }
  }
  return undefined;
}

/** Base64url grows by a third and hides from compression what repeats: the parts are kept as the bytes they stand for. */
function pack(idToken: string): Buffer | undefined {
  const parts = idToken.split('.').map((part) => Buffer.from(part, 'base64url'));
  if (toToken(parts) !== idToken) return undefined;
  const lengths = Buffer.alloc(parts.length * 4);
  parts.forEach((part, index) => {
    lengths.writeUInt32BE(part.length, index * 4);
  });
  return deflateRawSync(Buffer.concat([Buffer.from([parts.length]), lengths, ...parts]));
}

/** @returns undefined for one that is too long, which an earlier release has kept */
function unpack(packed: Uint8Array): string | undefined {
  try {
    const token = toToken(unpackParts(packed));
    return token.length > LONGEST_TOKEN ? undefined : token;
  } catch {
    return undefined;
  }
}

function unpackParts(packed: Uint8Array): Buffer[] {
  const bytes = inflateRawSync(packed, { maxOutputLength: 2 * LONGEST_TOKEN });
  const count = bytes.readUInt8(0);
  let at = 1 + count * 4;
  return Array.from({ length: count }, (_, index) => {
    const begin = at;
    at += bytes.readUInt32BE(1 + index * 4);
    return bytes.subarray(begin, at);
  });
}

const toToken = (parts: readonly Buffer[]) => parts.map((part) => part.toString('base64url')).join('.');

const toCookie = (value: string, until: string) =>
  `${ID_TOKEN_COOKIE}=${value}; Path=${PATH}; ${until}; HttpOnly; Secure; SameSite=Lax`;

import { createHmac, hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { toUserPart, USER_PART_LENGTH } from './session-keys.ts';

const PREFIX = 'hf1_';
const ID_BYTES = 16;
const SECRET_BYTES = 32;
const BODY_BYTES = ID_BYTES + SECRET_BYTES;
/** 70 characters carry four bits more than 52 bytes: only the spelling that leaves them 0 is the token. */
const TOKEN_PATTERN = /^hf1_[A-Za-z0-9_-]{69}[AQgw]$/;
const ID_PATTERN = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** Where each token is decoded, the next over the last: a buffer for each would be a tenth of what parsing costs. */
const decoded = Buffer.alloc(BODY_BYTES + 4);
const decodedBody = decoded.subarray(0, BODY_BYTES);
const decodedSecret = decodedBody.subarray(ID_BYTES);

/** What a session token says, the secret already reduced to what Redis holds of it. */
export interface ParsedSessionToken {
  /** Public handle, 16 bytes as base64url: 9 characters that all sessions of a user share, and 13 at random (74 bits). */
  id: string;
  /** SHA-256 of the 32-byte secret as base64url (43 characters). */
  secretHash: string;
}

export interface CreatedSessionToken extends ParsedSessionToken {
  /** What the client holds. Never stored, never logged. */
  token: string;
}

/**
 * A new session token: `hf1_` + base64url(id 16 bytes ‖ secret 32 bytes ‖ CRC-32 of both, big-endian). 256 bits of
 * secret from the system's CSPRNG; OWASP's Session Management Cheat Sheet asks for at least 64.
 *
 * @param userId whose session it is to be
 */
export function createSessionToken(userId: string): CreatedSessionToken {
  const body = randomBytes(BODY_BYTES);
  const id = toUserPart(userId) + body.toString('base64url', 0, ID_BYTES).slice(USER_PART_LENGTH);
  body.write(id, 'base64url');
  return formatToken(body);
}

/**
 * The token that follows another: the same id, and as its secret HMAC-SHA-256 of the old secret under a key that Redis
 * does not have. Whoever derives it again gets the same one; neither the old secret nor the key alone will do.
 *
 * @param token well-formed
 * @param purpose successors of different purposes have nothing to do with each other
 */
export function deriveSessionToken(token: string, key: Buffer, purpose: string): CreatedSessionToken {
  const body = Buffer.from(token.slice(PREFIX.length), 'base64url').subarray(0, BODY_BYTES);
  const secret = createHmac('sha256', key).update(`${purpose}\0`).update(body).digest();
  return formatToken(Buffer.concat([body.subarray(0, ID_BYTES), secret]));
}

function formatToken(body: Buffer): CreatedSessionToken {
  const checksum = Buffer.allocUnsafe(4);
  checksum.writeUInt32BE(crc32(body));
  const token = PREFIX + Buffer.concat([body, checksum]).toString('base64url');
  return { token, ...describe(body, body.subarray(ID_BYTES)) };
}

/**
 * Reads a session token, or answers undefined for anything that was not made by {@link createSessionToken}. The
 * checksum turns away typing mistakes, cut tokens and scanners before Redis is asked; it is no protection against
 * forgery, the secret is.
 */
export function parseSessionToken(token: string): ParsedSessionToken | undefined {
  if (!TOKEN_PATTERN.test(token)) return undefined;
  decoded.write(token.slice(PREFIX.length), 'base64url');
  if (crc32(decodedBody) !== decoded.readUInt32BE(BODY_BYTES)) return undefined;
  return describe(decodedBody, decodedSecret);
}

function describe(body: Buffer, secret: Buffer): ParsedSessionToken {
  return { id: body.toString('base64url', 0, ID_BYTES), secretHash: hash('sha256', secret, 'base64url') };
}

/** Whether a text can be a session id (as in `DELETE /v1/sessions/{id}`). */
export function isSessionId(text: string): boolean {
  return ID_PATTERN.test(text);
}

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readCookies } from '@holdfast/session';

/**
 * A browser that has logged in to an account before carries proof of it (OWASP, "Slow Down Online Guessing Attacks
 * with Device Cookies"): its failed logins are counted apart, so a stranger who guesses at the account can't lock its
 * owner out. It is no credential: it only chooses the counter.
 */
export const DEVICE_COOKIE = '__Host-hf-device';

const MAX_AGE_SECONDS = 180 * 86_400;

/** Of each request at most so many are looked at: forged ones must not take long enough to tell who is a user. */
const LOOKED_AT = 2;
/** Stands for whoever is no user; no id of one can have a blank. */
const NOBODY = ' ';

/**
 * Proof that a device has logged in to an account: 66 characters, the value of the cookie, and of `device` for clients that
 * have no cookies.
 *
 * @param keys the first signs
 */
export function createDevice(keys: Buffer[], userId: string): string {
  const deviceId = randomBytes(16).toString('base64url');
  return `${deviceId}.${sign(keys[0] as Buffer, deviceId, userId).toString('base64url')}`;
}

export function setDeviceCookie(device: string): string {
  return `${DEVICE_COOKIE}=${device}; Path=/; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; Secure; SameSite=Lax`;
}

/**
 * The id of the device, if it has logged in to that account before.
 *
 * @param presented as a client without cookies sends it
 * @param userId undefined for an unknown user, which takes as long
 */
export function readDevice(
  keys: Buffer[],
  presented: string | undefined,
  cookieHeader: string | undefined,
  userId: string | undefined,
): string | undefined {
  const values = [...(presented === undefined ? [] : [presented]), ...readCookies(cookieHeader, DEVICE_COOKIE)];
  let known: string | undefined;
  for (const value of values.slice(0, LOOKED_AT)) {
    const [, deviceId, signature] = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
    if (deviceId === undefined || signature === undefined) continue;
    const given = Buffer.from(signature, 'base64url');
    for (const key of keys) if (timingSafeEqual(sign(key, deviceId, userId ?? NOBODY), given)) known ??= deviceId;
  }
  return known;
}

function sign(key: Buffer, deviceId: string, userId: string): Buffer {
  return createHmac('sha256', key).update(`${deviceId}.${userId}`).digest();
}

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readCookies } from '@holdfast/session';

/**
 * A browser that has logged in to an account before carries proof of it (OWASP, "Slow Down Online Guessing Attacks
 * with Device Cookies"): its failed logins are counted apart, so a stranger who guesses at the account can't lock its
 * owner out. It is no credential: it only chooses the counter.
 */
export const DEVICE_COOKIE = '__Host-hf-device';

const MAX_AGE_SECONDS = 180 * 86_400;

/** @param keys the first signs */
export function setDeviceCookie(keys: Buffer[], userId: string): string {
  const deviceId = randomBytes(16).toString('base64url');
  const value = `${deviceId}.${sign(keys[0] as Buffer, deviceId, userId).toString('base64url')}`;
  return `${DEVICE_COOKIE}=${value}; Path=/; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; Secure; SameSite=Lax`;
}

/** The id of the device, if it has logged in to that account before. */
export function readDeviceCookie(keys: Buffer[], cookieHeader: string | undefined, userId: string): string | undefined {
  for (const value of readCookies(cookieHeader, DEVICE_COOKIE)) {
    const [, deviceId, signature] = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
    if (deviceId === undefined || signature === undefined) continue;
    const given = Buffer.from(signature, 'base64url');
    if (keys.some((key) => timingSafeEqual(sign(key, deviceId, userId), given))) return deviceId;
  }
  return undefined;
}

function sign(key: Buffer, deviceId: string, userId: string): Buffer {
  return createHmac('sha256', key).update(`${deviceId}.${userId}`).digest();
}

import { KEPT_FORM_COOKIE } from '@holdfast/pages';
import { readCookies } from '@holdfast/session';
import { z } from 'zod';
import { openSealed, seal } from './sealed-text.ts';

const LIFETIME_SECONDS = 600;

const keptFormSchema = z.object({ path: z.string(), fields: z.record(z.string(), z.string()) });

/** A form that waits for its sender to sign in again. */
export type KeptForm = z.output<typeof keptFormSchema>;

/**
 * Kept in the browser that sent it, for ten minutes: encrypted, so that nobody else at that browser can read it, and every
 * replica of auth can. There is room for one, the latest.
 *
 * @param keys of 32 bytes; the first encrypts
 */
export async function setKeptFormCookie(keys: Buffer[], form: KeptForm): Promise<string> {
  const value = await seal(keys, form, LIFETIME_SECONDS);
  return `${KEPT_FORM_COOKIE}=${value}; Path=/; Max-Age=${LIFETIME_SECONDS}; HttpOnly; Secure; SameSite=Lax`;
}

export async function readKeptFormCookie(
  keys: Buffer[],
  cookieHeader: string | undefined,
): Promise<KeptForm | undefined> {
  for (const value of readCookies(cookieHeader, KEPT_FORM_COOKIE)) {
    const form = await openSealed(keys, value, keptFormSchema);
    if (form) return form;
  }
  return undefined;
}

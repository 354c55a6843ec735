import { HoldfastError, readCookies } from '@holdfast/session';
import type { Context } from 'hono';
import { type FormWords, formWords, OWNER_FIELD } from './form-words.ts';

/**
 * A form whose sender has to sign in first is kept by auth, encrypted, in this cookie. `__Host-`: no other site can plant one.
 */
export const KEPT_FORM_COOKIE = '__Host-hf-form';

/** Where such a form is sent on to, by 307: the browser sends its fields once more. They are in no URL. */
export const KEPT_FORM_PATH = '/auth/kept-form';

/** @returns undefined for a form that can't be kept, or that nobody's name is on */
export function keptFormPath(path: string, fields: Readonly<Record<string, string>>, reason: string) {
  if (formWords.get(path)?.notDone === undefined || fields[OWNER_FIELD] === undefined) return undefined;
  return `${KEPT_FORM_PATH}?${new URLSearchParams({ to: path, reason })}`;
}

/** Of what was sent, the fields that the form has. */
export function pickFields(words: FormWords, sent: Readonly<Record<string, string | undefined>>) {
  return Object.fromEntries(
    Object.keys(words.fields).flatMap((name) => (sent[name] === undefined ? [] : [[name, sent[name]]])),
  );
}

/**
 * What one person typed is not done in the name of the next one who signs in with this browser.
 *
 * @throws HoldfastError `forbidden`
 */
export function requireOwner(owner: string | undefined, userId: string): void {
  if (owner === undefined || owner === userId) return;
  const detail = 'Somebody else was signed in when this form was opened, so nothing was done. Open the page again.';
  throw new HoldfastError('forbidden', detail);
}

/** The form has been sent, or is not wanted any more. */
// biome-ignore lint/suspicious/noExplicitAny: a context of any service will do, whatever variables it adds
export function clearKeptForm(c: Context<any>): void {
  if (readCookies(c.req.header('cookie'), KEPT_FORM_COOKIE).length === 0) return;
  c.header('set-cookie', `${KEPT_FORM_COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`, { append: true });
}

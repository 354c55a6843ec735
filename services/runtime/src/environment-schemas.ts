import { wholeNumber } from '@holdfast/session';
import { z } from 'zod';

/** `true` or `false`, and nothing that only looks like it. */
export function trueOrFalse() {
  return z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');
}

/** A TCP port to listen on; 0 lets the system choose. */
export function listenPort() {
  return wholeNumber(0, 65_535);
}

/** The path of a file. */
export function filePath() {
  return z.string().min(1);
}

/** Items separated by commas; blanks around them don't count. */
export function listOf<T>(item: z.ZodType<T, string>) {
  return z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(item));
}

/** A web origin as browsers send it in `Origin` (RFC 6454): no path, no closing slash. */
export function origin() {
  const isOrigin = (text: string) => /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
  return z.string().refine(isOrigin, 'must be origins such as https://shop.example');
}

/** A URL of a service, without credentials: fetch refuses those, and its message would repeat them. */
export function httpUrl() {
  return z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine(hasNoCredentials, 'has a user or password, which belong elsewhere than in this URL');
}

function hasNoCredentials(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

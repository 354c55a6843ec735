import { z } from 'zod';

/** A whole number in decimal digits. zod's own coercion would take `0x10`, `1e3` and blanks as well. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

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

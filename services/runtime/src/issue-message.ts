import type { z } from 'zod';

/** What an issue says without what was given: zod repeats the keys it does not know, and a key may be a secret too. */
export function issueMessage({ code, message }: z.core.$ZodIssue): string {
  return code === 'unrecognized_keys' ? 'has a key that is not known' : message;
}

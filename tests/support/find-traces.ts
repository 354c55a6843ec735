/** Something that must be nowhere, in every form it could be written in. */
export interface Needle {
  name: string;
  forms: readonly Buffer[];
}

/** So many bytes of a form are taken for a trace of it: too many to be there by chance. */
const WINDOW_BYTES = 16;

/** A text that must be nowhere, such as a password. */
export function textNeedle(name: string, text: string): Needle {
  return { name, forms: [Buffer.from(text)] };
}

/** Bytes that must be nowhere, neither as they are nor in hexadecimal or either base64. */
export function bytesNeedle(name: string, bytes: Buffer): Needle {
  const texts = (['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(bytes.toString(encoding)));
  return { name, forms: [bytes, ...texts] };
}

/**
 * The names of the needles of which a part is in the haystack. A part is enough, because Redis compresses long strings
 * in its files (LZF) and puts a control byte into what it can't compress, after every 32 bytes at the latest.
 */
export function findTraces(haystack: Buffer, needles: readonly Needle[]): string[] {
  return needles.filter(({ forms }) => forms.some((form) => hasPart(haystack, form))).map(({ name }) => name);
}

function hasPart(haystack: Buffer, form: Buffer): boolean {
  if (form.length <= WINDOW_BYTES) return haystack.includes(form);
  for (let start = 0; start + WINDOW_BYTES <= form.length; start += 1) {
    if (haystack.includes(form.subarray(start, start + WINDOW_BYTES))) return true;
  }
  return false;
}

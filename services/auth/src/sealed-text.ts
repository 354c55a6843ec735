import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import type { z } from 'zod';

/** A compact JWE (RFC 7516, section 7.1): decoders of base64 skip bytes that don't belong there. */
const compactJwe = /^[A-Za-z0-9_.-]+$/;

/**
 * What a browser is to keep for us and not to read or change: encrypted, with an end.
 *
 * @param keys of 32 bytes; the first encrypts
 */
export function seal(keys: Buffer[], payload: object, lifetimeSeconds: number): Promise<string> {
  return new EncryptJWT({ ...payload })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(`${lifetimeSeconds}s`)
    .encrypt(keys[0] as Buffer);
}

/** @returns undefined for what none of the keys has made, what is over, and what is not of that shape */
export async function openSealed<T>(keys: Buffer[], text: string, schema: z.ZodType<T>): Promise<T | undefined> {
  if (!compactJwe.test(text)) return undefined;
  for (const key of keys) {
    try {
      const options = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };
      const { payload } = await jwtDecrypt(text, key, { ...options, requiredClaims: ['exp'] });
      const parsed = schema.safeParse(payload);
      if (parsed.success) return parsed.data;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
    }
  }
  return undefined;
}

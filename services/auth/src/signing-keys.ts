import { createHmac, createPrivateKey } from 'node:crypto';
import { issueMessage } from '@holdfast/runtime';
import { createFileSource } from '@holdfast/session';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { z } from 'zod';

/** Of the JWTs that {@link SigningKeys.sign} makes, so that none is taken for a token of another kind (RFC 8725, section 3.11). */
export const TOKEN_TYPE = 'holdfast+jwt';

const keyPart = (name: string) => {
  const message = `must be ${name}, 32 bytes as base64url`;
  return z.string(message).regex(/^[A-Za-z0-9_-]{43}$/, message);
};
const keySchema = z.looseObject({
  kty: z.literal('OKP', 'must be an Ed25519 key: "kty": "OKP"'),
  crv: z.literal('Ed25519', 'must be "Ed25519"'),
  x: keyPart('the public key'),
  d: keyPart('the private key'),
  kid: z.string().min(1).exactOptional(),
});
const fileSchema = z.looseObject({ keys: z.array(keySchema).min(1, 'must have at least one key') });

type PrivateKey = z.output<typeof keySchema>;

export interface SigningKeys {
  /** Signs with the first key of the file. @param lifetimeSeconds from now */
  sign(claims: Record<string, unknown>, lifetimeSeconds: number): Promise<string>;
  /** Every key's public half: the current one, and those about to be current, so that verifiers know them in time. */
  publicKeys(): Promise<JWK[]>;
  /** Keys for other purposes, derived from the signing keys, in the same order. */
  derive(purpose: string): Buffer[];
  close(): void;
}

/**
 * Ed25519 keys (RFC 8037) from a private JWK Set, or PEM (PKCS #8) one after the other: the first signs, the others are
 * published ahead of their turn. The file is read again when it changes, so keys are rotated by putting the next one
 * first.
 *
 * @throws Error at the start when the file can't be used
 */
export function createSigningKeys(path: string, onError?: (error: Error) => void): SigningKeys {
  const file = createFileSource(path, parseKeys, onError === undefined ? {} : { onError });
  return { ...fromKeys(() => file.current), close: () => file.close() };
}

/** Keys that live as long as the process: other replicas don't have them, so this is for a single one. */
export async function generateSigningKeys(): Promise<SigningKeys> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const keys = [keySchema.parse(await exportJWK(privateKey))];
  return { ...fromKeys(() => keys), close: () => {} };
}

function fromKeys(keys: () => PrivateKey[]): Omit<SigningKeys, 'close'> {
  const first = () => keys()[0] as PrivateKey;
  return {
    async sign(claims, lifetimeSeconds) {
      const key = first();
      const issuedAt = Math.floor(Date.now() / 1000);
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: TOKEN_TYPE, kid: await keyId(key) })
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifetimeSeconds)
        .sign(await importJWK({ kty: key.kty, crv: key.crv, x: key.x, d: key.d }, 'EdDSA'));
    },
    publicKeys: () =>
      Promise.all(
        keys().map(async (key) => ({
          kty: key.kty,
          crv: key.crv,
          x: key.x,
          kid: await keyId(key),
          alg: 'EdDSA',
          use: 'sig',
        })),
      ),
    derive: (purpose) =>
      keys().map((key) => createHmac('sha256', Buffer.from(key.d, 'base64url')).update(purpose).digest()),
  };
}

const keyId = (key: PrivateKey) => key.kid ?? calculateJwkThumbprint({ kty: key.kty, crv: key.crv, x: key.x });

function parseKeys(text: string): PrivateKey[] {
  const parsed = fileSchema.safeParse(text.trimStart().startsWith('-----BEGIN') ? readPem(text) : readJson(text));
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issueMessage(issue)}`,
    );
    throw new Error(`not a set of private Ed25519 keys: ${mistakes.join('; ')}`);
  }
  return parsed.data.keys;
}

function readPem(text: string): unknown {
  const blocks = text.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g) ?? [];
  try {
    return { keys: blocks.map((block) => createPrivateKey(block).export({ format: 'jwk' })) };
  } catch (cause) {
    throw new Error('has a PEM block that is no private key (PKCS #8)', { cause });
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('neither PEM nor JSON; it must be private Ed25519 keys, or a JWK Set {"keys": [...]} of them');
  }
}

import { hash, timingSafeEqual } from 'node:crypto';
import { issueMessage } from '@holdfast/runtime';
import { createFileSource } from '@holdfast/session';
import { z } from 'zod';

const hexSha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in 64 hexadecimal digits');
const fileSchema = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -'),
      // Several while a secret is being replaced.
      secretSha256: z.array(hexSha256).min(1, 'must have at least one'),
    }),
  )
  .superRefine((clients, context) => {
    const ids = clients.map(({ id }) => id);
    if (new Set(ids).size < ids.length) context.addIssue({ code: 'custom', message: 'two clients have the same id' });
  });

/** Services that may ask about the tokens they are sent. */
export interface IntrospectionClients {
  /** The id of the client that an `Authorization: Basic` header proves, or undefined. */
  authenticate(authorization: string | undefined): string | undefined;
  close(): void;
}

/** Where there is no file nobody may. */
export const noIntrospectionClients: IntrospectionClients = { authenticate: () => undefined, close: () => {} };

/**
 * Clients from a JSON file, an array of `{id, secretSha256: […]}`, read again when it changes. Only hashes are kept: their
 * secrets are random, so a plain hash can't be searched. Authentication is RFC 6749, section 2.3.1.
 *
 * @throws Error at the start when the file can't be used
 */
export function createIntrospectionClients(path: string, onError?: (error: Error) => void): IntrospectionClients {
  const file = createFileSource(path, parseClients, onError === undefined ? {} : { onError });
  return {
    authenticate: (authorization) => {
      const { id, secrets } = readBasic(authorization);
      const hashes = (id !== undefined && file.current.get(id)) || [];
      // All of them, whichever is right.
      const matches = secrets.flatMap((secret) =>
        hashes.filter((known) => timingSafeEqual(hash('sha256', secret, 'buffer'), known)),
      );
      return matches.length > 0 ? id : undefined;
    },
    close: () => file.close(),
  };
}

function readBasic(authorization: string | undefined): { id?: string; secrets: string[] } {
  const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  const separator = text.indexOf(':');
  if (separator < 1) return { secrets: [] };
  const secret = text.slice(separator + 1);
  return { id: text.slice(0, separator), secrets: [secret, ...decodeForm(secret)] };
}

/** RFC 6749 encodes the secret as in a form before it goes into the header; most clients don't. */
function decodeForm(secret: string): string[] {
  try {
    const decoded = decodeURIComponent(secret.replaceAll('+', ' '));
    return decoded === secret ? [] : [decoded];
  } catch {
    return [];
  }
}

function parseClients(text: string): Map<string, Buffer[]> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error('not JSON');
  }
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issueMessage(issue)}`,
    );
    throw new Error(`not an array of {id, secretSha256: […]}: ${mistakes.join('; ')}`);
  }
  return new Map(parsed.data.map(({ id, secretSha256 }) => [id, secretSha256.map((hex) => Buffer.from(hex, 'hex'))]));
}

import { hash } from 'node:crypto';
import { issueMessage } from '@holdfast/runtime';
import { createFileSource } from '@holdfast/session';
import { z } from 'zod';
import { hashPassword, parsePasswordHash, verifyPassword } from './password-hash.ts';

const userSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._@-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ @ -'),
  username: z.string().min(1).max(256),
  passwordHash: z.string().superRefine((hash, context) => {
    try {
      parsePasswordHash(hash);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  }),
  roles: z.array(z.string().min(1).max(64)).max(32).default([]),
});

export type User = Omit<z.output<typeof userSchema>, 'passwordHash'>;

export interface UserDirectory {
  /** The user whose password this is. Costs the same for every name, known or not: one hash of each cost in the file. */
  verify(username: string, password: string): Promise<User | undefined>;
  /** The user's id, if there is one of that name. For the log, never for an answer. */
  findId(username: string): string | undefined;
  /** A name for the password of the user of that name, if there is one: a new password has a new name. */
  findPasswordName(username: string): string | undefined;
  /** The name of a user, if that user is in the file. To be shown to nobody else. */
  findUsername(id: string): string | undefined;
  close(): void;
}

/** More than a file has in which the cost was raised now and then. */
const MOST_COSTS = 4;

interface Users {
  byName: Map<string, z.output<typeof userSchema>>;
  byId: Map<string, z.output<typeof userSchema>>;
  /** A hash of no password for each cost there is in the file, compared against where a user's own has another one. */
  decoys: Map<string, Promise<string>>;
}

/** A username as it is looked up: composed, since keyboards differ, and without the blanks around it that are easily typed. */
export const normalizeUsername = (username: string) => username.normalize('NFC').trim();

/** What people take for the same name: case and blanks are easily mistaken. */
const toLookalike = (username: string) => username.normalize('NFKC').toUpperCase().toLowerCase().replaceAll(/\s/gu, '');

/**
 * Users from a JSON file, an array of `{id, username, passwordHash, roles}`. It is read again when it changes; a file
 * that can't be used any more leaves the last good one in force.
 *
 * @throws Error at the start when the file can't be used
 */
export function createUserDirectory(path: string, onError?: (error: Error) => void): UserDirectory {
  const file = createFileSource(path, parseUsers, onError === undefined ? {} : { onError });
  return {
    async verify(username, password) {
      const { byName, decoys } = file.current;
      const user = byName.get(normalizeUsername(username));
      const own = user && toCostName(user.passwordHash);
      let right = false;
      // One hash of each cost, in the same order for everybody: how long it takes tells neither whether there is such a user
      // nor which of the costs is that user's.
      for (const [cost, decoy] of decoys) {
        const ownHash = cost === own ? user?.passwordHash : undefined;
        const matches = await verifyPassword(password, ownHash ?? (await decoy));
        if (ownHash !== undefined) right = matches;
      }
      if (!user || !right) return undefined;
      return { id: user.id, username: user.username, roles: user.roles };
    },
    findId: (username) => file.current.byName.get(normalizeUsername(username))?.id,
    findPasswordName: (username) => {
      const user = file.current.byName.get(normalizeUsername(username));
      return user && hash('sha256', `${user.id} ${user.passwordHash}`, 'base64url').slice(0, 22);
    },
    findUsername: (id) => file.current.byId.get(id)?.username,
    close: () => file.close(),
  };
}

function parseUsers(text: string): Users {
  const parsed = z.array(userSchema).min(1, 'has no users').safeParse(parseJson(text));
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issueMessage(issue)}`,
    );
    throw new Error(`not an array of {id, username, passwordHash, roles}: ${mistakes.join('; ')}`);
  }
  const byName = new Map(parsed.data.map((user) => [normalizeUsername(user.username), user]));
  const byId = new Map(parsed.data.map((user) => [user.id, user]));
  if (byName.size < parsed.data.length) throw new Error('two users have the same username');
  const places = new Map<string, number>();
  for (const [index, { username }] of parsed.data.entries()) {
    const lookalike = toLookalike(username);
    if (lookalike === '') throw new Error(`${index}.username: has nothing but blanks`);
    const other = places.get(lookalike);
    if (other !== undefined) throw new Error(`the usernames of ${other} and ${index} differ only by case or blanks`);
    places.set(lookalike, index);
  }
  if (byId.size < parsed.data.length) throw new Error('two users have the same id');
  const costs = new Map(
    parsed.data.map(({ passwordHash }) => [toCostName(passwordHash), parsePasswordHash(passwordHash)]),
  );
  if (costs.size > MOST_COSTS) {
    throw new Error(
      `has argon2id hashes of ${costs.size} different costs; each login computes one of each, so there may be ${MOST_COSTS}: hash some passwords anew with \`npm run user:hash\``,
    );
  }
  const decoys = new Map([...costs].map(([name, cost]) => [name, hashPassword('', cost)]));
  return { byName, byId, decoys };
}

const toCostName = (passwordHash: string) => {
  const { memoryKiB, passes, parallelism } = parsePasswordHash(passwordHash);
  return `${memoryKiB} ${passes} ${parallelism}`;
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('not JSON');
  }
}

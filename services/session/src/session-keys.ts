import { createHmac, hash } from 'node:crypto';

/** How many of an id's 22 characters are its user's: with `hf:s:` before them they fill an allocation of 16 bytes. */
export const USER_PART_LENGTH = 9;

/** 132 bits: nobody finds another text with the same name. */
const NAME_LENGTH = 22;

/**
 * What the ids of all sessions of a user begin with, and their keys are named for. 54 bits of a hash, so that two users may
 * have the same one: whatever is about a user compares the user, too.
 */
export const toUserPart = (userId: string) =>
  hash('sha256', `holdfast user\0${userId}`, 'base64url').slice(0, USER_PART_LENGTH);

/** Where `functions/holdfast.lua` has a session: `s` may be written by auth only, `t` by every service that validates. */
export function toSessionKeys(id: string) {
  const part = id.slice(0, USER_PART_LENGTH);
  return { s: `hf:s:${part}`, t: `hf:t:${part}`, rest: id.slice(USER_PART_LENGTH) };
}

export const toUserKey = (userId: string) => `hf:s:${toUserPart(userId)}`;

/** Where what is linked to a session at an identity provider is found: new ones at the first name. */
export const toLinkKeys = (link: string, keys: readonly Buffer[] = []) =>
  toNames(link, keys).map((name) => `hf:o:${name}`);

/**
 * The keys of a counter. With the next key of the file, too, nothing that has been counted is lost when that one becomes the
 * first.
 */
export const toLimitKeys = (counter: string, keys: readonly Buffer[] = []) =>
  toNames(counter, keys.slice(0, 2)).map((name) => `hf:rl:${name}`);

/**
 * What something is called in Redis under each key; without a key by its own name. A service that only validates can hear
 * which keys change (CLIENT TRACKING): the names must not tell it addresses, users, or sessions at a provider.
 */
function toNames(text: string, keys: readonly Buffer[]): string[] {
  if (keys.length === 0) return [text];
  return keys.map((key) => createHmac('sha256', key).update(text).digest('base64url').slice(0, NAME_LENGTH));
}

import { hash } from 'node:crypto';

/** How many of an id's 22 characters are its user's: with `hf:s:` before them they fill an allocation of 16 bytes. */
export const USER_PART_LENGTH = 9;

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
export const toLinkKey = (link: string) => `hf:o:${link}`;
export const toLimitKey = (name: string) => `hf:rl:${name}`;

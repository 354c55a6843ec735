import { HoldfastError } from './holdfast-error.ts';
import { toLinkKeys, toSessionKeys } from './session-keys.ts';
import { DEFAULT_SESSIONS_PER_USER } from './session-limits.ts';
import type { Device, SessionWithDevice } from './session-record.ts';
import type { SessionStoreOptions } from './session-store-options.ts';
import type { CreatedSessionToken, ParsedSessionToken } from './session-token.ts';
import { abbreviateUserAgent } from './user-agent.ts';

/** Who somebody proved to be just now. */
export interface Authentication {
  userId: string;
  roles: readonly string[];
  /** How they proved it, RFC 8176 names. */
  amr: readonly string[];
}

export interface NewSession extends Authentication {
  device: Device;
  /** The session that the caller ends once this one is there: it does not count against the user's limit. */
  replaces?: ParsedSessionToken | undefined;
  /** When the user proved who they are, where that was before now; milliseconds since 1970. */
  authenticatedAtMs?: number | undefined;
  /**
   * The session at an identity provider that this one comes of, so that {@link SessionStore.revokeLinked} finds it; 43
   * characters of base64url, the hash of whatever the provider calls it.
   */
  link?: string | undefined;
}

export interface CreatedSession {
  token: string;
  session: SessionWithDevice;
  /** Older sessions of the user that ended because they were too many. */
  evicted: readonly string[];
}

type Limits = Pick<
  SessionStoreOptions,
  'idleTimeoutMs' | 'absoluteTimeoutMs' | 'maxPerUser' | 'maxPerUserAction' | 'nameKeys'
>;

/** What a record keeps of roles and amr: the time of authentication, which comes behind, Redis sets by its clock. */
export const toFacts = ({ roles, amr }: Authentication) => `${JSON.stringify(roles)},${JSON.stringify(amr)},`;

/** Keys and arguments of the function `create`. */
export function toCreation(input: NewSession, { id, secretHash }: CreatedSessionToken, limits: Limits) {
  const { userId, device, replaces, authenticatedAtMs, link } = input;
  const {
    idleTimeoutMs,
    absoluteTimeoutMs,
    maxPerUser = DEFAULT_SESSIONS_PER_USER,
    maxPerUserAction = 'terminate-oldest',
    nameKeys,
  } = limits;
  const { s, t } = toSessionKeys(id);
  const record = [id, secretHash, JSON.stringify(userId), toFacts(input), idleTimeoutMs, absoluteTimeoutMs];
  const limit = [maxPerUser, maxPerUserAction, replaces?.id ?? '', replaces?.secretHash ?? ''];
  return {
    keys: [s, t, ...(link === undefined ? [] : toLinkKeys(link, nameKeys?.()).slice(0, 1))],
    args: [...record, abbreviateUserAgent(device.userAgent), device.ip, ...limit, authenticatedAtMs ?? ''],
  };
}

type Created = [
  outcome: 'created',
  createdAtMs: number,
  absoluteExpiresAtMs: number,
  tooMany: number,
  replaced: number,
];
export type CreationReply = Created | [outcome: 'exists' | 'limit' | 'ended'];

/** @throws HoldfastError `session-limit`, `sign-in-failed` (the provider has ended the linked session already) */
export function toCreated(input: NewSession, id: string, reply: CreationReply, { idleTimeoutMs, maxPerUser }: Limits) {
  if (reply[0] === 'limit') throw sessionLimit(maxPerUser);
  if (reply[0] === 'ended') throw endedAtProvider();
  if (reply[0] !== 'created') throw new Error(`create answered ${reply[0]}`);
  const [, createdAtMs, absoluteExpiresAtMs, tooMany, replaced] = reply;
  const { userId, roles, amr, device, authenticatedAtMs = createdAtMs } = input;
  const session: SessionWithDevice = {
    id,
    userId,
    roles,
    amr,
    authenticatedAtMs: Math.min(authenticatedAtMs, createdAtMs),
    createdAtMs,
    lastSeenAtMs: createdAtMs,
    idleExpiresAtMs: Math.min(createdAtMs + idleTimeoutMs, absoluteExpiresAtMs),
    absoluteExpiresAtMs,
    device,
  };
  return { session, tooMany, replaced: replaced === 1 };
}

const endedAtProvider = () =>
  new HoldfastError('sign-in-failed', 'You have signed out at the identity provider meanwhile. Sign in again.');

const sessionLimit = (max = 0) =>
  new HoldfastError(
    'session-limit',
    `You are signed in ${max} times already, which is as often as is allowed. Sign out somewhere else first.`,
  );

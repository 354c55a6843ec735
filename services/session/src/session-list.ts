import type { SessionWithDevice } from './session-record.ts';

/** Where a page of sessions ends: the session that the next page comes behind. */
export interface SessionPosition {
  createdAtMs: number;
  id: string;
}

export interface SessionListOptions {
  /** How many sessions at most. */
  limit: number;
  /** Default `oldest`. */
  first?: 'oldest' | 'newest';
  after?: SessionPosition | undefined;
}

export interface SessionPage {
  sessions: SessionWithDevice[];
  /** How many live sessions the user has on all pages together. */
  total: number;
  /** Where the next page begins; undefined on the last one. */
  next: SessionPosition | undefined;
}

/** What one call of Redis found: where to go on (`0`: nowhere), how many live in its part, and the first sessions of these. */
export type ListedStep = [position: string, live: number, sessions: unknown[][]];

/**
 * One page of a user's sessions. Where a user has more than one call may read, which only releases before had no limit for, it
 * takes several calls, which are short each.
 *
 * @param call asks for the first `limit + 1` sessions of a part, so that it is known whether more follow
 */
export async function collectSessions(
  { limit, first = 'oldest' }: SessionListOptions,
  call: (position: string) => Promise<ListedStep>,
  read: (fields: unknown[]) => SessionWithDevice,
): Promise<SessionPage> {
  const found = new Map<string, SessionWithDevice>();
  let [total, position] = [0, '0'];
  do {
    const [following, live, sessions] = await call(position);
    // Redis may name one twice while its table shrinks.
    for (const session of sessions.map(read)) found.set(session.id, session);
    total += live;
    position = following;
  } while (position !== '0');
  const direction = first === 'oldest' ? 1 : -1;
  const sorted = [...found.values()].sort((a, b) => direction * inOrder(a, b));
  const sessions = sorted.slice(0, limit);
  return { sessions, total, next: sorted.length > limit ? sessions.at(-1) : undefined };
}

const inOrder = (a: SessionPosition, b: SessionPosition) =>
  a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : Number(a.id > b.id));

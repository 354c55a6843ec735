import {
  HoldfastError,
  isSessionId,
  MOST_SESSIONS_PER_USER,
  type SessionPosition,
  type SessionStore,
  toSessionView,
} from '@holdfast/session';
import { z } from '@hono/zod-openapi';
import { sessionSchema } from './schemas.ts';

/** Which of a user's sessions are wanted. Without any of it, all of them, as many as a user may have. */
export const sessionPageQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, `must be a whole number from 1 to ${MOST_SESSIONS_PER_USER}`)
    .transform(Number)
    .pipe(z.int().min(1).max(MOST_SESSIONS_PER_USER))
    .default(MOST_SESSIONS_PER_USER)
    .openapi({ type: 'integer', minimum: 1, maximum: MOST_SESSIONS_PER_USER, default: MOST_SESSIONS_PER_USER }),
  cursor: z.string().max(200).optional().openapi({ description: 'The `nextCursor` of the page before' }),
});

const formatSessionCursor = ({ createdAtMs, id }: SessionPosition) =>
  Buffer.from(`${createdAtMs}.${id}`).toString('base64url');

/** @throws HoldfastError `invalid-request` for what {@link formatSessionCursor} did not make */
function parseSessionCursor(cursor: string): SessionPosition {
  const [, createdAt, id] = /^(\d{1,15})\.(.+)$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (createdAt === undefined || id === undefined || !isSessionId(id)) {
    throw new HoldfastError('invalid-request', 'The cursor must be the nextCursor of an earlier reply, unchanged.');
  }
  return { createdAtMs: Number(createdAt), id };
}

export const sessionPageSchema = z.object({ sessions: z.array(sessionSchema), nextCursor: z.string().optional() });

/** One page of a user's sessions as the API answers it. @param currentId the session that asks */
export async function listPage(
  store: SessionStore,
  userId: string,
  currentId: string,
  { limit, cursor }: z.output<typeof sessionPageQuery>,
) {
  const after = cursor === undefined ? undefined : parseSessionCursor(cursor);
  const { sessions, next } = await store.listPage(userId, { limit, after });
  return {
    sessions: sessions.map((session) => toSessionView(session, currentId)),
    ...(next === undefined ? {} : { nextCursor: formatSessionCursor(next) }),
  };
}

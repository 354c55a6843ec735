import { randomBytes } from 'node:crypto';
import { type ParsedSessionToken, parseSessionToken, SessionStore, type SessionStoreOptions } from '@holdfast/session';
import { pollUntil } from './poll-until.ts';
import type { TestRedis } from './redis-server.ts';
import { passGrace } from './session-records.ts';

export interface TestSessions extends AsyncDisposable {
  auth: SessionStore;
  validator: SessionStore;
  /** What the validator has reported so far. */
  errors: Error[];
  create(userId: string): ReturnType<SessionStore['create']>;
  /**
   * A token that was stolen and replaced by the thief, who has used its successor for longer than the old one lives. So the
   * old one ends the session when it comes back.
   */
  stolen(): Promise<{ old: string; successor: string }>;
  /** One more store of a service that only validates, with a local cache. Who opens it closes it. */
  openCached(): SessionStore;
  /** The token as a store takes it. */
  parse(token: string): ParsedSessionToken;
}

/** The stores of an auth and of a service that only validates, over one Redis. */
export async function startSessions(redis: TestRedis): Promise<TestSessions> {
  const errors: Error[] = [];
  const open = (role: 'auth' | 'validator', options: Partial<SessionStoreOptions> = {}) => {
    const store = new SessionStore({
      redis: redis.configFor(role),
      role,
      idleTimeoutMs: 1_800_000,
      absoluteTimeoutMs: 43_200_000,
      waitReplicas: 0,
      waitTimeoutMs: 500,
      retryBudgetMs: 500,
      ...options,
    });
    store.connect();
    return store;
  };
  const auth = open('auth');
  const validator = open('validator', { onError: (error) => errors.push(error) });
  const parse = (token: string) => parseSessionToken(token) as ParsedSessionToken;
  const create = (userId: string) =>
    auth.create({ userId, roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } });
  await pollUntil('the function library', 10_000, () => auth.list('nobody').then(() => true));
  return {
    auth,
    validator,
    errors,
    create,
    async stolen() {
      const { token, session } = await create('somebody');
      const rotation = await auth.rotate(token, { keys: [randomBytes(32)], minAgeMs: 0 });
      if (rotation.outcome !== 'rotated') throw new Error(`the token was ${rotation.outcome}`);
      await auth.noteUse(parse(rotation.token));
      await passGrace(redis.admin(), session.id);
      return { old: token, successor: rotation.token };
    },
    openCached: () => open('validator', { localCacheMs: 60_000 }),
    parse,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([auth.close(), validator.close()]);
    },
  };
}

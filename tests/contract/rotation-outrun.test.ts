import { randomBytes } from 'node:crypto';
import { createSessionToken, type ParsedSessionToken, parseSessionToken, type SessionStore } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect } from 'vitest';
import { ageSession, editRecord, expireSession, keysOf, passGrace, readRecord } from '../support/session-records.ts';
import { storeBackends } from '../support/store-backends.ts';
import { createStoreSuite } from '../support/store-suite.ts';

const HOUR_MS = 3_600_000;
const keys = [randomBytes(32)];

const parsed = (token: string) => parseSessionToken(token) as ParsedSessionToken;

describe.each(storeBackends)('a thief who rotates a stolen secret on $name', (named) => {
  const { begin, open, promise } = createStoreSuite(named);
  let admin: Redis;
  let auth: SessionStore;
  let validator: SessionStore;

  beforeAll(async () => {
    const begun = await begin();
    if (begun) ({ admin, auth, validator } = begun);
  }, 120_000);

  /** A session that is some hours old, since a new one may not have been rotated often. */
  const logIn = async (ageMs = 6 * HOUR_MS) => {
    const userId = `user-${createSessionToken('nobody').id}`;
    const device = { userAgent: 'outrun test', ip: '192.0.2.9' };
    const { token, session } = await auth.create({ userId, roles: ['customer'], amr: ['pwd'], device });
    if (ageMs > 0) await ageSession(admin, session.id, ageMs);
    return { token, id: session.id, userId, session };
  };
  const rotate = (
    token: string,
    authentication?: { userId: string; roles: readonly string[]; amr: readonly string[] },
  ) => auth.rotate(token, { keys, minAgeMs: 0, authentication });
  const outcomeOf = async (token: string, store = validator) => (await store.validate(parsed(token))).outcome;
  /** Rotates and uses what comes of it, as often as auth goes along with it. */
  const runAhead = async (token: string, times: number, between = async () => {}) => {
    const chain = [token];
    for (let step = 0; step < times; step++) {
      const last = chain.at(-1) as string;
      const rotation = await rotate(last);
      if (rotation.outcome === 'rotated') chain.push(rotation.token);
      await auth.noteUse(parsed(chain.at(-1) as string));
      await between();
    }
    return chain;
  };

  promise('gets one successor in the 30 seconds of the secret before, and the owner is still known', async () => {
    const { token, id, userId } = await logIn();
    const chain = await runAhead(token, 40);
    expect(chain).toHaveLength(2);
    expect(await rotate(chain[1] as string)).toEqual({ outcome: 'kept' });
    await passGrace(admin, id);
    for (const store of [validator, auth]) expect(await outcomeOf(token, store)).toBe('reused');
    expect(await auth.noteUse(parsed(token))).toBe(userId);
    for (const each of chain) expect(await outcomeOf(each)).toBe('reused');
  });

  promise(
    'who waits for each grace to pass makes none of a hundred secrets unknown, for auth or a validator',
    async () => {
      const { token, id, userId } = await logIn();
      const chain = await runAhead(token, 100, () => passGrace(admin, id));
      expect(chain).toHaveLength(101);
      const newest = chain.pop() as string;
      for (const each of chain) {
        for (const store of [validator, auth]) expect(await outcomeOf(each, store)).toBe('reused');
        expect((await auth.describe(parsed(each))).outcome).toBe('reused');
      }
      expect(await outcomeOf(newest)).toBe('active');
      // What an ordinary validation reads stays as small as after the first rotation.
      expect((await readRecord(admin, id))?.spent).toHaveLength(35);
      expect(await admin.hstrlen(keysOf(id).old, keysOf(id).rest)).toBe(990);

      await validator.noteUse(parsed(token));
      for (const each of [token, newest]) expect(await outcomeOf(each)).toBe('reused');
      expect(await auth.noteUse(parsed(newest))).toBe(userId);
      // The reason is told to whoever holds any of them, and to nobody else.
      for (const each of [...chain, newest]) expect(await outcomeOf(each)).toBe('reused');
      const stranger = { id, secretHash: createSessionToken('nobody').secretHash };
      expect(await validator.validate(stranger)).toEqual({ outcome: 'unknown' });
    },
  );

  promise('can’t use the re-authentications of the owner either', async () => {
    const { token, id, session } = await logIn();
    const chain = [token];
    for (let step = 0; step < 40; step++) {
      const rotation = await rotate(chain.at(-1) as string, session);
      if (rotation.outcome !== 'rotated') throw new Error(`re-authentication ${step} answered ${rotation.outcome}`);
      chain.push(rotation.token);
      await auth.noteUse(parsed(rotation.token));
    }
    for (const each of chain) expect(await outcomeOf(each)).toBe('active');
    await passGrace(admin, id);
    await runAhead(chain.at(-1) as string, 1);
    for (const each of chain.slice(0, -1)) expect(await outcomeOf(each)).toBe('reused');
  });

  promise('is not taken for the owner who authenticates again, once, twice or with an older secret', async () => {
    const { token: stolen, id, session, userId } = await logIn();
    await editRecord(admin, id, ({ created }) => ({ facts: `["old"],["pwd"],${1 - created}` }));
    const worthOf = async (each: string) => {
      const [seen, seenByAuth] = [await validator.validate(parsed(each)), await auth.describe(parsed(each))];
      if (seen.outcome !== 'active') throw new Error(`the secret is ${seen.outcome}`);
      const { roles, authenticatedAtMs } = seen.session;
      expect(seenByAuth).toMatchObject({ session: { roles, authenticatedAtMs } });
      return { roles, authenticatedAtMs };
    };
    const prove = async (each: string, role: string) => {
      const rotation = await rotate(each, { userId, roles: [role], amr: ['pwd'] });
      if (rotation.outcome !== 'rotated') throw new Error(`the re-authentication answered ${rotation.outcome}`);
      const { authenticatedAtMs } = rotation.authentication;
      expect(authenticatedAtMs).toBeGreaterThanOrEqual(session.createdAtMs);
      await auth.noteUse(parsed(rotation.token));
      return { token: rotation.token, worth: { roles: [role], authenticatedAtMs } };
    };
    const first = await prove(stolen, 'first');
    const second = await prove(first.token, 'second');
    const third = await prove(second.token, 'third');
    const expectEachItsOwn = async () => {
      expect(await worthOf(stolen)).toEqual({ roles: ['old'], authenticatedAtMs: 1 });
      for (const { token, worth } of [first, second, third]) expect(await worthOf(token)).toEqual(worth);
    };
    await expectEachItsOwn();
    // An ordinary rotation changes no facts; nobody gets a successor for a secret that was replaced.
    for (const each of [stolen, first.token, second.token]) expect(await rotate(each)).toEqual({ outcome: 'kept' });
    // Nor does a secret that was given out come back as a new one.
    for (const each of [stolen, first.token]) {
      await expect(rotate(each, { userId, roles: ['again'], amr: ['pwd'] })).rejects.toMatchObject({
        code: 'rate-limited',
      });
    }
    expect(await rotate(second.token, { userId, roles: ['again'], amr: ['pwd'] })).toMatchObject({
      token: third.token,
      authentication: { roles: ['third'] },
    });
    await expectEachItsOwn();
  });

  promise('an older release’s record with one text of facts for all in their grace is read as before', async () => {
    const { token, id, userId } = await logIn();
    const rotation = await rotate(token, { userId, roles: ['new'], amr: ['pwd'] });
    if (rotation.outcome !== 'rotated') throw new Error(rotation.outcome);
    await auth.noteUse(parsed(rotation.token));
    await editRecord(admin, id, ({ ofacts }) => ({ ofacts: Object.values(ofacts ?? {})[0] as string }));
    const rolesOf = async (each: string) => {
      const seen = await validator.validate(parsed(each));
      return seen.outcome === 'active' && seen.session.roles;
    };
    expect([await rolesOf(token), await rolesOf(rotation.token)]).toEqual([['customer'], ['new']]);
    const later = await rotate(rotation.token, { userId, roles: ['newer'], amr: ['pwd'] });
    if (later.outcome !== 'rotated') throw new Error(later.outcome);
    await auth.noteUse(parsed(later.token));
    expect([await rolesOf(token), await rolesOf(rotation.token)]).toEqual([['customer'], ['new']]);
    expect(await rolesOf(later.token)).toEqual(['newer']);
  });

  promise(
    're-authentications by secrets that took no one’s place are counted and few, and all stay known',
    async () => {
      const { token, id, session } = await logIn();
      const ordinary = await rotate(token);
      if (ordinary.outcome !== 'rotated') throw new Error(ordinary.outcome);
      const given = [ordinary.token];
      let asking = [token, ordinary.token];
      let refused: unknown;
      for (let step = 0; step < 100 && refused === undefined; step++) {
        const [older = '', newer = ''] = asking;
        try {
          const rotation = await rotate(step === 1 ? ordinary.token : older, session);
          if (rotation.outcome !== 'rotated') throw new Error(rotation.outcome);
          given.push(rotation.token);
          asking = step === 0 ? [ordinary.token, rotation.token] : [newer, rotation.token];
        } catch (error) {
          refused = error;
        }
      }
      expect(refused).toMatchObject({ code: 'rate-limited', retryAfterSeconds: 30 });
      expect(given.length).toBeLessThanOrEqual(9);
      const { also = '' } = (await readRecord(admin, id)) ?? {};
      expect(also).toHaveLength((given.length - 1) * 43);
      for (const each of [token, ...given]) expect(await outcomeOf(each)).toBe('active');
      const newest = given.pop() as string;
      await auth.noteUse(parsed(newest));
      // Each of them was one more of those that a session may have.
      expect((await readRecord(admin, id))?.gen).toBe(given.length + 1);
      await passGrace(admin, id);
      for (const each of [token, ...given]) expect(await outcomeOf(each)).toBe('reused');
      await runAhead(newest, 2, () => passGrace(admin, id));
      for (const each of [token, ...given, newest]) expect(await outcomeOf(each)).toBe('reused');
    },
  );

  promise('nor signing keys that change: each successor that was given out stays known', async () => {
    const { token, id, session } = await logIn();
    const given: string[] = [];
    for (let change = 0; change < 4; change++) {
      const rotation = await auth.rotate(token, { keys: [randomBytes(32)], minAgeMs: 0, authentication: session });
      if (rotation.outcome !== 'rotated') throw new Error(`change ${change} answered ${rotation.outcome}`);
      given.push(rotation.token);
    }
    for (const each of [token, ...given]) expect(await outcomeOf(each)).toBe('active');
    await auth.noteUse(parsed(given[3] as string));
    await passGrace(admin, id);
    for (const each of [token, ...given.slice(0, 3)]) expect(await outcomeOf(each)).toBe('reused');
    expect(await outcomeOf(given[3] as string)).toBe('active');
  });

  promise('a secret of long ago signs out, and is no proof of a session that never had it', async () => {
    const { token, id, userId } = await logIn();
    const other = await logIn();
    const chain = await runAhead(token, 5, () => passGrace(admin, id));
    const { secretHash } = parsed(token);
    expect(await auth.revoke(other.id, { secretHash }, 'logout')).toEqual({ outcome: 'unknown' });
    expect(await auth.revoke(id, { secretHash }, 'logout')).toEqual({ outcome: 'revoked', userId });
    expect(await auth.revoke(id, { secretHash }, 'logout')).toEqual({ outcome: 'ended', userId });
    for (const each of chain) expect(await outcomeOf(each)).toBe('revoked');
  });

  promise('the secrets that an older release remembered in the record stay known', async () => {
    const { token, id } = await logIn();
    const spent = Array.from({ length: 16 }, () => createSessionToken('nobody').secretHash);
    const kept = spent.map((hash) => `${hash.slice(0, 22)}0000000000000`).join('');
    await editRecord(admin, id, () => ({ gen: 16, since: 1, spent: kept }));
    const outcomes = () =>
      Promise.all(spent.map(async (secretHash) => (await validator.validate({ id, secretHash })).outcome));
    expect(new Set(await outcomes())).toEqual(new Set(['reused']));
    const chain = await runAhead(token, 2, () => passGrace(admin, id));
    expect(chain).toHaveLength(3);
    expect(new Set(await outcomes())).toEqual(new Set(['reused']));
    await auth.revoke(id, parsed(chain[2] as string), 'logout');
    expect(new Set(await outcomes())).toEqual(new Set(['revoked']));
  });

  promise(
    'a session’s secret is replaced only so often by its age, and what was replaced is never forgotten',
    async () => {
      const { token, id, session } = await logIn(0);
      const chain = await runAhead(token, 34, () => passGrace(admin, id));
      // 32 before their time, and one every 14.4 s of twelve hours.
      expect(chain.length - 1).toBeGreaterThanOrEqual(32);
      await editRecord(admin, id, () => ({ gen: 50 }));
      const newest = chain.at(-1) as string;
      expect(await rotate(newest)).toEqual({ outcome: 'kept' });
      const every = open('auth', { rotateMs: 1 });
      expect(await every.describe(parsed(newest))).toMatchObject({ outcome: 'active', rotation: 'none' });
      // The owner can authenticate again all the same, as often as a person does.
      const proven = await rotate(newest, session);
      if (proven.outcome !== 'rotated') throw new Error(`the re-authentication answered ${proven.outcome}`);
      await auth.noteUse(parsed(proven.token));
      await editRecord(admin, id, () => ({ gen: 70 }));
      await expect(rotate(proven.token, session)).rejects.toMatchObject({
        code: 'rate-limited',
        retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 60 && seconds < 120),
      });
      await passGrace(admin, id);
      for (const each of chain) expect(await outcomeOf(each)).toBe('reused');
      // Some time later it goes on.
      await ageSession(admin, id, 12 * 60_000);
      expect((await rotate(proven.token)).outcome).toBe('rotated');
    },
  );

  promise('what is remembered goes with its session, however that ends', async () => {
    const ends: Record<string, (id: string, userId: string, token: string) => Promise<unknown>> = {
      logout: (id, userId) => auth.revoke(id, { userId }, 'logout'),
      everywhere: (_, userId) => auth.revokeUser(userId, 'signed-out-elsewhere'),
      reuse: (_, __, token) => auth.noteUse(parsed(token)),
      idle: async (id, userId) => {
        await admin.hset(keysOf(id).t, keysOf(id).rest, '1');
        await auth.list(userId);
      },
      age: async (id, userId) => {
        await expireSession(admin, id, 301_000);
        await auth.list(userId);
      },
    };
    for (const [how, end] of Object.entries(ends)) {
      const { token, id, userId } = await logIn();
      const { old, s, rest } = keysOf(id);
      await runAhead(token, 3, () => passGrace(admin, id));
      expect(await admin.hstrlen(old, rest), how).toBe(20);
      expect(await admin.pexpiretime(old), how).toBe(await admin.pexpiretime(s));
      await end(id, userId, token);
      expect(await admin.exists(old), how).toBe(0);
    }
  });

  promise('a guess is unknown, also one that is a piece of what is remembered', async () => {
    const { token, id } = await logIn();
    await runAhead(token, 20, () => passGrace(admin, id));
    const { old, rest } = keysOf(id);
    const row = (await admin.hget(old, rest)) as string;
    for (let at = 1; at < 200; at++) {
      if (at % 10 === 0) continue;
      const secretHash = row.slice(at, at + 10).padEnd(43, 'A');
      expect((await validator.validate({ id, secretHash })).outcome).toBe('unknown');
    }
    const guesses = await Promise.all(
      Array.from({ length: 2000 }, () =>
        validator.validate({ id, secretHash: createSessionToken('nobody').secretHash }),
      ),
    );
    expect(new Set(guesses.map(({ outcome }) => outcome))).toEqual(new Set(['unknown']));
    expect((await validator.validate({ id, secretHash: '' })).outcome).toBe('unknown');
  });
});

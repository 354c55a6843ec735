import { randomBytes, randomUUID } from 'node:crypto';
import {
  createSessionToken,
  type Device,
  type ParsedSessionToken,
  parseSessionToken,
  type SessionStore,
} from '@holdfast/session';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect } from 'vitest';
import { pollUntil } from '../support/poll-until.ts';
import { editRecord, expireSession, keysOf, lastSeenOf, seenEarlier } from '../support/session-records.ts';
import { type StoreBackend, storeBackends } from '../support/store-backends.ts';
import { createStoreSuite } from '../support/store-suite.ts';

const device: Device = { userAgent: 'contract test', ip: '192.0.2.7' };
const HOUR_MS = 3_600_000;

describe.each(storeBackends)('the session store on $name', (named) => {
  const { open, begin, promise } = createStoreSuite(named);
  let backend: StoreBackend;
  let admin: Redis;
  let auth: SessionStore;
  let validator: SessionStore;

  const newUser = () => `user-${createSessionToken('nobody').id}`;
  const logIn = async (userId = newUser(), store = auth) => {
    const { token, session } = await store.create({ userId, roles: ['customer'], amr: ['pwd'], device });
    const parsed = parseSessionToken(token);
    if (!parsed) throw new Error('create gave a token that can’t be parsed');
    return { ...parsed, token, userId, session, proof: { secretHash: parsed.secretHash } };
  };
  /** Younger than every other: which of two that began in the same millisecond is the older nobody can say. */
  const logInLast = async (userId: string) => {
    const login = await logIn(userId);
    await pollUntil('the next millisecond', 10_000, async () => {
      const [seconds, micros] = await admin.time();
      return Number(seconds) * 1000 + Number(micros) / 1000 >= login.session.createdAtMs + 1;
    });
    return login;
  };
  /** How often Redis has run a command since the statistics were reset; with `|`, only that form of it. */
  const callsOf = async (command: string) =>
    Number(
      new RegExp(`cmdstat_${command.replace('|', '\\|')}:calls=(\\d+)`).exec(await admin.info('commandstats'))?.[1] ??
        0,
    );

  beforeAll(async () => {
    const begun = await begin();
    if (begun) ({ backend, admin, auth, validator } = begun);
  }, 120_000);

  promise('a session that was created is valid for every service, and says whose it is', async () => {
    const { session, userId, ...token } = await logIn();
    const seen = await validator.validate(token);
    expect(seen).toMatchObject({ outcome: 'active', touchDue: false });
    const { device: _, ...withoutDevice } = session;
    expect(seen.outcome === 'active' && seen.session).toEqual(withoutDevice);
    expect(await auth.describe(token)).toMatchObject({
      outcome: 'active',
      session: { userId, device, roles: ['customer'] },
    });
  });

  promise('an id with a wrong secret is told nothing but that it is unknown, dead or alive', async () => {
    const { id, ...token } = await logIn();
    const { secretHash } = createSessionToken('nobody');
    expect(await validator.validate({ id, secretHash })).toEqual({ outcome: 'unknown' });
    expect(await auth.revoke(id, { secretHash }, 'logout')).toEqual({ outcome: 'unknown' });
    expect(await validator.validate({ id, ...token })).toMatchObject({ outcome: 'active' });
    await auth.revoke(id, token.proof, 'logout');
    expect(await validator.validate({ id, secretHash })).toEqual({ outcome: 'unknown' });
    expect(await validator.validate({ id, ...token })).toEqual({ outcome: 'revoked', reason: 'logout' });
  });

  const logInLinked = async (link: string, userId = newUser()) => {
    const { token, session } = await auth.create({ userId, roles: [], amr: [], device, link });
    return { ...(parseSessionToken(token) as ParsedSessionToken), userId, session };
  };
  const newLink = () => randomBytes(32).toString('base64url');

  promise('what came of one session at a provider ends together, and nothing else does', async () => {
    const link = newLink();
    const [one, two, other] = [await logInLinked(link), await logInLinked(link), await logInLinked(newLink())];
    const ended = await auth.revokeLinked(link, 'ended-by-provider');
    expect(ended.map(({ id }) => id).toSorted()).toEqual([one.id, two.id].toSorted());
    expect(ended.map(({ userId }) => userId).toSorted()).toEqual([one.userId, two.userId].toSorted());
    for (const session of [one, two]) {
      expect(await validator.validate(session)).toEqual({ outcome: 'revoked', reason: 'ended-by-provider' });
      expect(await auth.list(session.userId)).toEqual([]);
    }
    expect(await validator.validate(other)).toMatchObject({ outcome: 'active' });
    expect(await auth.revokeLinked(link, 'ended-by-provider')).toEqual([]);
  });

  promise('a provider’s session is forgotten with the last of what came of it, however that ended', async () => {
    const link = newLink();
    const user = newUser();
    const [one, two, three] = [
      await logInLinked(link, user),
      await logInLinked(link, user),
      await logInLinked(link, user),
    ];
    expect(await admin.pexpiretime(`hf:o:${link}`)).toBe(three.session.absoluteExpiresAtMs);
    await auth.revoke(one.id, { secretHash: one.secretHash }, 'logout');
    await admin.hdel(keysOf(two.id).t, keysOf(two.id).rest); // has idled out
    expect(await auth.list(user)).toHaveLength(1);
    expect(await admin.zrange(`hf:o:${link}`, '0', '-1')).toEqual([three.id]);
    await auth.revokeUser(user, 'signed-out-elsewhere');
    expect(await admin.exists(`hf:o:${link}`)).toBe(0);
  });

  promise('a login with a session that the provider has ended for good comes too late', async () => {
    const [link, user] = [newLink(), newUser()];
    await auth.revokeLinked(link, 'ended-by-provider', { final: true });
    await expect(logInLinked(link, user)).rejects.toMatchObject({ code: 'sign-in-failed' });
    expect(await auth.list(user)).toEqual([]);
    expect(await admin.pttl(`hf:o:${link}`)).toBeGreaterThan(0);
    const other = await logInLinked(newLink(), user);
    expect(await validator.validate(other)).toMatchObject({ outcome: 'active' });
  });

  promise('an authentication counts from when it was, and never from a time to come', async () => {
    const create = (authenticatedAtMs: number) =>
      auth.create({ userId: newUser(), roles: [], amr: [], device, authenticatedAtMs });
    for (const offsetMs of [-HOUR_MS, HOUR_MS]) {
      const { token, session } = await create(Date.now() + offsetMs);
      const seen = await validator.validate(parseSessionToken(token) as ParsedSessionToken);
      expect(seen).toMatchObject({ session: { authenticatedAtMs: session.authenticatedAtMs } });
      const earlierMs = session.createdAtMs - session.authenticatedAtMs;
      if (offsetMs < 0) expect(Math.abs(earlierMs - HOUR_MS)).toBeLessThan(60_000);
      else expect(earlierMs).toBe(0);
    }
  });

  promise('nobody ends a session of somebody else by its id', async () => {
    const token = await logIn();
    expect(await auth.revoke(token.id, { userId: newUser() }, 'logout')).toEqual({ outcome: 'unknown' });
    expect(await validator.validate(token)).toMatchObject({ outcome: 'active' });
    expect(await auth.revoke(token.id, { userId: token.userId }, 'logout')).toEqual({
      outcome: 'revoked',
      userId: token.userId,
    });
  });

  promise('ending a session twice is the same as once, and the first reason stands', async () => {
    const token = await logIn();
    expect(await auth.revoke(token.id, token.proof, 'logout')).toMatchObject({ outcome: 'revoked' });
    expect(await auth.revoke(token.id, token.proof, 'signed-out-elsewhere')).toMatchObject({ outcome: 'ended' });
    expect(await validator.validate(token)).toEqual({ outcome: 'revoked', reason: 'logout' });
  });

  promise('an ended session leaves a tombstone without personal data that is gone after five minutes', async () => {
    const token = await logIn();
    await auth.revoke(token.id, token.proof, 'logout');
    const { s, t, ended } = keysOf(token.id);
    const ttlMs = await admin.pttl(ended);
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(300_000);
    const left = Object.entries(await admin.hgetall(ended))
      .flat()
      .join();
    for (const personal of [device.userAgent, device.ip, 'customer', 'pwd']) expect(left).not.toContain(personal);
    expect(await admin.exists(s, t)).toBe(0);
    await admin.del(ended);
    expect(await validator.validate(token)).toEqual({ outcome: 'unknown' });
  });

  promise('a session that nobody uses ends by its idle timeout, and a used one does not', async () => {
    const store = open('auth', { idleTimeoutMs: 1200 });
    const [idle, used] = [await logIn(newUser(), store), await logIn(newUser(), store)];
    await pollUntil('the idle timeout', 10_000, async () => {
      const validation = await validator.validate(used);
      if (validation.outcome !== 'active') throw new Error(`the used session became ${validation.outcome}`);
      if (validation.touchDue) validator.touch(used.id);
      return (await validator.validate(idle)).outcome === 'expired-idle';
    });
    expect(await validator.validate(used)).toMatchObject({ outcome: 'active' });
  });

  promise('every session ends by its absolute timeout, however much it is used', async () => {
    const store = open('auth', { idleTimeoutMs: 1000, absoluteTimeoutMs: 1500 });
    const token = await logIn(newUser(), store);
    const end = await pollUntil(
      'the absolute timeout',
      10_000,
      async () => {
        const validation = await validator.validate(token);
        if (validation.outcome === 'active') validator.touch(token.id);
        return validation.outcome !== 'active' && validation;
      },
      20,
    );
    expect(end).toEqual({ outcome: 'expired-absolute' });
    const [now] = await admin.time();
    expect(Number(now) * 1000 + 999).toBeGreaterThanOrEqual(token.session.absoluteExpiresAtMs);
    expect(await admin.pttl(keysOf(token.id).s)).toBeLessThanOrEqual(300_000);
  });

  promise('validating is one round trip that writes nothing', async () => {
    const token = await logIn();
    await validator.validate(token);
    await admin.config('RESETSTAT');
    for (let round = 0; round < 25; round++) await validator.validate(token);
    expect(await callsOf('fcall_ro')).toBe(25);
    for (const command of ['fcall', 'hset', 'pexpire', 'set', 'get', 'multi'])
      expect(await callsOf(command), command).toBe(0);
  });

  promise('a session is touched at most once a minute, by however many services', async () => {
    const token = await logIn();
    const stores = [validator, open('validator'), open('validator')];
    const useIt = async () => {
      for (let round = 0; round < 20; round++) {
        await Promise.all(
          stores.map(async (store) => {
            const validation = await store.validate(token);
            if (validation.outcome === 'active' && validation.touchDue) store.touch(token.id);
          }),
        );
      }
    };
    await admin.config('RESETSTAT');
    await useIt();
    expect(await callsOf('fcall'), 'a fresh session').toBe(0);

    const longAgo = await seenEarlier(admin, token.id, 61_000);
    await admin.config('RESETSTAT');
    await useIt();
    await pollUntil('the touch', 5000, async () => (await lastSeenOf(admin, token.id)) >= longAgo + 60_000);
    await useIt();
    expect(await callsOf('hset'), 'writes after a minute').toBe(1);
  });

  promise('a touch can’t make a session that is not there', async () => {
    const { id } = createSessionToken('nobody');
    validator.touch(id);
    await validator.close();
    validator = open('validator');
    expect(await admin.exists(keysOf(id).t, keysOf(id).s)).toBe(0);
  });

  promise('a touch can’t bring back what has ended, idled out or come to its end', async () => {
    const redis = await backend.connectAs('validator');
    const touch = (id: string, ...used: string[]) => {
      const { t, rest } = keysOf(id);
      return redis.call('FCALL', 'holdfast_v2_touch', 1, t, rest, ...used);
    };
    const userId = newUser();
    // Another of the user's keeps both keys there.
    await logIn(userId);
    const [ended, idle, over, unseen] = [
      await logIn(userId),
      await logIn(userId),
      await logIn(userId),
      await logIn(userId),
    ];
    await auth.revoke(ended.id, ended.proof, 'logout');
    const idleSince = await seenEarlier(admin, idle.id, HOUR_MS + 1000);
    await expireSession(admin, over.id, 1000);
    const seenAt = await seenEarlier(admin, over.id, 120_000);
    await admin.hdel(keysOf(unseen.id).t, keysOf(unseen.id).rest);
    for (const token of [ended, idle, over, unseen]) {
      for (const used of [[], [token.secretHash], ['reused']]) expect(await touch(token.id, ...used)).toBe(0);
    }
    expect(await admin.hexists(keysOf(ended.id).t, keysOf(ended.id).rest)).toBe(0);
    expect(await admin.hexists(keysOf(unseen.id).t, keysOf(unseen.id).rest)).toBe(0);
    expect([await lastSeenOf(admin, idle.id), await lastSeenOf(admin, over.id)]).toEqual([idleSince, seenAt]);
    expect(await validator.validate(ended)).toEqual({ outcome: 'revoked', reason: 'logout' });
    expect(await validator.validate(idle)).toEqual({ outcome: 'expired-idle' });
    expect(await validator.validate(over)).toEqual({ outcome: 'expired-absolute' });
  });

  promise('the user’s list has the live sessions, oldest first, and no secret', async () => {
    const userId = newUser();
    const tokens = [await logInLast(userId), await logInLast(userId), await logInLast(userId)];
    await auth.revoke((tokens[1] as { id: string }).id, { userId }, 'logout');
    const sessions = await auth.list(userId);
    expect(sessions.map(({ id }) => id)).toEqual([tokens[0]?.id, tokens[2]?.id]);
    expect(sessions[0]).toEqual(tokens[0]?.session);
    for (const { secretHash } of tokens) expect(JSON.stringify(sessions)).not.toContain(secretHash);
    // Nothing changes by looking, so that no cache forgets a session because of it.
    await admin.config('RESETSTAT');
    await auth.list(userId);
    for (const command of ['hdel', 'pexpireat']) expect(await callsOf(command), command).toBe(0);
  });

  promise('the index of a user’s sessions does not grow: what has ended is dropped by the next call', async () => {
    const userId = newUser();
    const brief = open('auth', { idleTimeoutMs: 1000, absoluteTimeoutMs: 1000 });
    const idle = open('auth', { idleTimeoutMs: 1000 });
    for (const store of [brief, idle, brief, idle]) await logIn(userId, store);
    const last = await pollUntil('their end', 10_000, async () => (await auth.list(userId)).length === 0);
    expect(last).toBe(true);
    // What idled out is gone; those past their end are told so for five minutes.
    const { id } = (await logIn(userId, brief)).session;
    const { s, t } = keysOf(id);
    expect(await admin.hlen(s)).toBe(3);
    for (const rest of await admin.hkeys(s)) {
      if (rest !== keysOf(id).rest) await expireSession(admin, keysOf(id).part + rest, 302_000);
    }
    await auth.list(userId);
    expect([await admin.hkeys(s), await admin.hkeys(t)]).toEqual([[keysOf(id).rest], [keysOf(id).rest]]);
  });

  promise('a user’s key lasts as long as the longest of their sessions, and no longer', async () => {
    const userId = newUser();
    const brief = open('auth', { absoluteTimeoutMs: HOUR_MS });
    const long = await logIn(userId);
    const { s, t } = keysOf((await logIn(userId, brief)).id);
    const expiries = async () => [await admin.pexpiretime(s), await admin.pexpiretime(t)];
    const { absoluteExpiresAtMs: end } = long.session;
    expect(await expiries()).toEqual([end + 300_000, end]);
    // However it is used: only auth says how long it lasts.
    await seenEarlier(admin, long.id, 61_000);
    const seenAt = await lastSeenOf(admin, long.id);
    expect(await validator.validate(long)).toMatchObject({ outcome: 'active', touchDue: true });
    validator.touch(long.id);
    await pollUntil('the touch', 5000, async () => (await lastSeenOf(admin, long.id)) > seenAt);
    expect(await expiries()).toEqual([end + 300_000, end]);
    await auth.revoke(long.id, long.proof, 'logout');
    const [left] = await auth.list(userId);
    const leftEnd = left?.absoluteExpiresAtMs ?? 0;
    expect(leftEnd).toBeLessThan(end);
    expect(await expiries()).toEqual([leftEnd + 300_000, leftEnd]);
  });

  promise('what is past its end by more than a tombstone’s time is unknown, as if its key had expired', async () => {
    const token = await logIn();
    await expireSession(admin, token.id, 200_000);
    expect(await validator.validate(token)).toEqual({ outcome: 'expired-absolute' });
    await expireSession(admin, token.id, 302_000);
    expect(await validator.validate(token)).toEqual({ outcome: 'unknown' });
    expect(await auth.rotate(token.token, { keys: [randomBytes(32)], minAgeMs: 0 })).toEqual({ outcome: 'unknown' });
  });

  promise('two users whose ids begin alike by accident have nothing of each other', async () => {
    const [mine, theirs] = [await logIn(), newUser()];
    const { s, t, part } = keysOf(mine.id);
    // As auth would make it for a user whose hash begins so.
    const made = createSessionToken(theirs);
    const other = { id: part + made.id.slice(9), secretHash: made.secretHash };
    const redis = await backend.connectAs('auth');
    const call = (name: string, ...args: (string | number)[]) => redis.call('FCALL', `holdfast_v2_${name}`, ...args);
    const logInOther = (limit: number) => {
      const record = [other.id, other.secretHash, JSON.stringify(theirs), '[],[],', HOUR_MS, 24 * HOUR_MS, 'ua', 'ip'];
      return call('create', 2, s, t, ...record, limit, 'deny-new');
    };
    // Nor does one count against the limit of the other.
    expect(await logInOther(1)).toContain('created');
    const end = Number(await admin.pexpiretime(t));
    expect(end).toBeGreaterThan(mine.session.absoluteExpiresAtMs);

    expect((await auth.list(mine.userId)).map(({ id }) => id)).toEqual([mine.id]);
    expect(await call('list', 1, s, JSON.stringify(theirs))).toEqual([expect.arrayContaining([other.id])]);
    expect(await auth.revoke(other.id, { userId: mine.userId }, 'logout')).toEqual({ outcome: 'unknown' });
    expect(await auth.revokeUser(mine.userId, 'signed-out-elsewhere')).toEqual([mine.id]);
    expect(await validator.validate(mine)).toMatchObject({ outcome: 'revoked' });
    expect(await validator.validate(other)).toMatchObject({ outcome: 'active', session: { userId: theirs } });
    expect(await admin.pexpiretime(t)).toBe(end);
    expect(await validator.validate({ ...other, secretHash: mine.secretHash })).toEqual({ outcome: 'unknown' });
  });

  promise(
    'signing out everywhere ends all sessions of that user but the one that is spared, and nobody else’s',
    async () => {
      const userId = newUser();
      const [kept, ...others] = [await logIn(userId), await logIn(userId), await logIn(userId)];
      const stranger = await logIn();
      expect((await auth.revokeUser(userId, 'signed-out-elsewhere', kept.id)).toSorted()).toEqual(
        others.map(({ id }) => id).toSorted(),
      );
      expect(await validator.validate(kept)).toMatchObject({ outcome: 'active' });
      expect(await validator.validate(stranger)).toMatchObject({ outcome: 'active' });
      for (const token of others) {
        expect(await validator.validate(token)).toEqual({ outcome: 'revoked', reason: 'signed-out-elsewhere' });
      }
      expect(await auth.revokeUser(userId, 'signed-out-elsewhere', kept.id)).toEqual([]);
      expect(await auth.revokeUser(userId, 'signed-out-elsewhere')).toEqual([kept.id]);
    },
  );

  promise(
    '10,000 races of validate and touch against revoke: no session comes back',
    async () => {
      const stores = [validator, open('validator'), open('validator'), open('auth')];
      const userId = newUser();
      const races = 10_000;
      // As many as one user may have.
      const batch = 100;
      let cameBack = 0;
      for (let done = 0; done < races; done += batch) {
        const tokens = await Promise.all(Array.from({ length: batch }, () => logIn(userId)));
        // Long enough ago that every touch would write.
        await Promise.all(tokens.map(({ id }) => seenEarlier(admin, id, 120_000)));
        await Promise.all(
          tokens.map(async (token, index) => {
            const revoked = auth.revoke(token.id, token.proof, 'logout');
            const racing = stores.map(async (store, place) => {
              if ((index + place) % 2 === 0) store.touch(token.id);
              return store.validate(token);
            });
            await revoked;
            // From here on the logout is acknowledged: whoever asks now must be told.
            for (const store of stores) {
              store.touch(token.id);
              if ((await store.validate(token)).outcome === 'active') cameBack++;
            }
            await Promise.all(racing);
          }),
        );
        const touchKeys = await admin.exists(...tokens.map(({ id }) => keysOf(id).t));
        expect(touchKeys, 'touch keys of ended sessions').toBe(0);
      }
      expect(cameBack).toBe(0);
    },
    300_000,
  );

  promise('the validator may validate and touch, and nothing else', async () => {
    const token = await logIn();
    const redis = await backend.connectAs('validator');
    const { s, t, rest } = keysOf(token.id);
    const user = JSON.stringify(token.userId);
    const other = createSessionToken('nobody');
    const mint = [
      keysOf(other.id).s,
      keysOf(other.id).t,
      other.id,
      other.secretHash,
      '"x"',
      '[],[],',
      1000,
      1000,
      '',
      '',
    ];
    const refused: [string, ...(string | number)[]][] = [
      ['FCALL', 'holdfast_v2_create', 2, ...mint],
      ['FCALL', 'holdfast_v2_revoke', 2, s, t, token.id, 'user', user, 'logout'],
      ['FCALL', 'holdfast_v2_revoke_user', 1, s, user, 'logout', ''],
      ['FCALL', 'holdfast_v2_rotate', 2, s, t, token.id, token.secretHash, 0, '', other.secretHash],
      ['FCALL', 'holdfast_v2_list', 1, s, user],
      ['FCALL', 'holdfast_v2_limit', 1, 'hf:rl:a:x', 'take', 'attempt', 1, 1000],
      ['FCALL', 'holdfast_v2_touch', 1, s, rest],
      ['FCALL', 'holdfast_v2_validate', 2, s, t, rest, token.secretHash],
      // What a user's sessions are is for those who know their ids.
      ...['HGETALL', 'HKEYS', 'HVALS', 'HLEN', 'HRANDFIELD', 'TYPE', 'EXISTS'].map((command): [string, string] => [
        command,
        s,
      ]),
      ['HSCAN', s, '0'],
      ['HGETALL', t],
      ['HKEYS', t],
      ['HSET', s, rest, 'x'],
      ['HDEL', s, rest],
      ['HDEL', t, rest],
      ['PEXPIRE', s, '999999999'],
      ['PEXPIRE', t, '999999999'],
      ['PERSIST', t],
      ['DEL', s],
      ['DEL', t],
      ['HGET', 'hf:rl:a:x', 'x'],
      ['ZRANGE', 'hf:o:x', '0', '-1'],
      ['EVAL', 'return 1', '0'],
      ['EVAL_RO', 'return 1', '0'],
      ['SCRIPT', 'LOAD', 'return 1'],
      [
        'FUNCTION',
        'LOAD',
        'REPLACE',
        '#!lua name=holdfast_v2\nredis.register_function("holdfast_v2_validate", function() return 1 end)',
      ],
      ['FUNCTION', 'DELETE', 'holdfast_v2'],
      ['FUNCTION', 'FLUSH'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['RANDOMKEY'],
      ['CONFIG', 'GET', '*'],
      ['CONFIG', 'SET', 'maxmemory', '1'],
      ['ACL', 'LIST'],
      ['ACL', 'SETUSER', 'validator', 'allkeys'],
      ['FLUSHALL'],
      ['FLUSHDB'],
      ['SHUTDOWN', 'NOSAVE'],
      ['REPLICAOF', 'NO', 'ONE'],
      ['MONITOR'],
      ['CLIENT', 'LIST'],
      ['CLIENT', 'PAUSE', '1'],
      ['SUBSCRIBE', 'x'],
      ['PUBLISH', 'x', 'y'],
      ['DUMP', s],
      ['RESTORE', 'x', '0', 'x'],
      ['MIGRATE', '127.0.0.1', '1', s, '0', '1'],
      ['SAVE'],
      ['MODULE', 'LIST'],
    ];
    for (const [command, ...args] of refused) {
      await expect(redis.call(command, ...args), `${command} ${args.join(' ').slice(0, 60)}`).rejects.toThrow(
        /NOPERM|ACL failure|can't access|no permissions/i,
      );
    }
    await expect(redis.call('FCALL_RO', 'holdfast_v2_count', 0)).rejects.toThrow(
      // As Redis 7.0 says it, and Redis 7.2 and Valkey.
      /user executing the script can't run this command|ACL failure in script: User validator has no permissions/,
    );
    expect(await validator.validate(token)).toMatchObject({ outcome: 'active' });
    await expect(redis.call('FCALL_RO', 'holdfast_v2_validate', 2, s, t, rest, token.secretHash)).resolves.toContain(
      'active',
    );
    await expect(redis.call('FCALL', 'holdfast_v2_touch', 1, t, rest)).resolves.toBe(0);
  });

  promise('what a validator writes can’t keep a session alive past its absolute timeout', async () => {
    const store = open('auth', { absoluteTimeoutMs: 1500, idleTimeoutMs: 1500 });
    const token = await logIn(newUser(), store);
    const redis = await backend.connectAs('validator');
    await redis.hset(keysOf(token.id).t, keysOf(token.id).rest, '99999999999999');
    await pollUntil(
      'the absolute timeout',
      10_000,
      async () => (await validator.validate(token)).outcome === 'expired-absolute',
    );
    for (const garbage of ['', 'x', '-1', 'nan', 'inf', '1e400', '\0']) {
      const live = await logIn();
      await redis.hset(keysOf(live.id).t, keysOf(live.id).rest, garbage);
      await expect(validator.validate(live), `last seen ${JSON.stringify(garbage)}`).resolves.toMatchObject({
        outcome: expect.stringMatching(/^(active|expired-idle)$/),
      });
      expect(await auth.list(live.userId).then((all) => all.length)).toBeLessThanOrEqual(1);
    }
  });

  promise('nothing in Redis is a usable credential', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => logIn()));
    const dump = await dumpEverything(admin);
    for (const { token } of tokens) {
      const bytes = Buffer.from(token.slice(4), 'base64url');
      const secret = bytes.subarray(16, 48);
      for (const form of [
        token,
        token.slice(4),
        secret.toString('base64url'),
        secret.toString('base64'),
        secret.toString('hex'),
        secret.toString('latin1'),
      ]) {
        expect(dump.includes(form)).toBe(false);
      }
    }
    expect(dump).toContain(tokens[0]?.secretHash);
  });

  promise('a create whose answer was lost can be asked again, and makes one session', async () => {
    const userId = newUser();
    const { id, secretHash } = createSessionToken(userId);
    const redis = await backend.connectAs('auth');
    const { s, t } = keysOf(id);
    const create = (hash: string) =>
      redis.call(
        'FCALL',
        'holdfast_v2_create',
        2,
        s,
        t,
        id,
        hash,
        JSON.stringify(userId),
        '[],[],',
        60_000,
        600_000,
        'ua',
        'ip',
      );
    const first = await create(secretHash);
    expect(await create(secretHash)).toEqual(first);
    expect(await auth.list(userId)).toHaveLength(1);
    expect(await create(createSessionToken('nobody').secretHash)).toEqual(['exists']);
    await auth.revoke(id, { userId }, 'logout');
    expect(await create(secretHash)).toEqual(['exists']);
  });

  promise(
    'a rate limit counts what has failed and what may yet, no attempt twice, and says how long to wait',
    async () => {
      const times = { windowMs: 60_000, pendingMs: 20_000 };
      const account = { key: `account:${newUser()}`, limit: 3, ...times };
      const address = { key: `address:${newUser()}`, limit: 100, ...times };
      const counters = [account, address];
      const attempts = Array.from({ length: 10 }, () => randomUUID());
      const take = (attempt: string) => auth.takeLimit(counters, attempt);

      const waits = await Promise.all(attempts.map(take));
      const taken = attempts.filter((_, index) => waits[index] === 0);
      expect(taken).toHaveLength(3);
      for (const waitMs of waits.filter((wait) => wait > 0)) expect(waitMs).toBeLessThanOrEqual(times.pendingMs);
      expect(await admin.zcard(`hf:rl:${address.key}`), 'what was refused is not counted elsewhere').toBe(3);
      expect(await Promise.all(taken.map(take)), 'asked again, since the answer was lost').toEqual([0, 0, 0]);
      expect(await admin.zcard(`hf:rl:${account.key}`)).toBe(3);

      const [failed = '', passed = ''] = taken;
      await auth.countLimit(counters, failed);
      await auth.giveLimit(counters, passed);
      expect(await take('next')).toBe(0);
      // The third, which nobody has told the end of, comes free before the one that has failed.
      expect(await take('one more')).toBeLessThanOrEqual(times.pendingMs);
      const keptMs = await admin.pttl(`hf:rl:${account.key}`);
      expect(keptMs).toBeGreaterThan(times.pendingMs);
      expect(keptMs).toBeLessThanOrEqual(times.windowMs);
    },
  );

  promise(
    'an attempt whose end nobody tells, since the service died over it, is forgotten, and a failed one is not',
    async () => {
      const counter = { key: `account:${newUser()}`, limit: 2, windowMs: 60_000, pendingMs: 50 };
      expect(await auth.takeLimit([counter], 'failed')).toBe(0);
      await auth.countLimit([counter], 'failed');
      expect(await auth.takeLimit([counter], 'cut off')).toBe(0);
      await pollUntil('a place', 5000, async () => (await auth.takeLimit([counter], 'third')) === 0);
      expect(await auth.takeLimit([{ ...counter, limit: 1 }], 'fourth')).toBeGreaterThan(counter.pendingMs);
    },
  );

  promise('live sessions are counted: those only, and where there are many nearly', async () => {
    await admin.flushdb();
    expect(await auth.count()).toBe(0);
    const userId = newUser();
    const [idle, expired, revoked, broken] = [await logIn(userId), await logIn(), await logIn(), await logIn()];
    for (let other = 0; other < 3; other += 1) await logIn(userId);
    await seenEarlier(admin, idle.id, 24 * HOUR_MS);
    await expireSession(admin, expired.id, 1);
    await auth.revoke(revoked.id, { userId: revoked.userId }, 'logout');
    const { s, rest } = keysOf(broken.id);
    await admin.hset(s, rest, 'garbage');
    expect(await auth.count()).toBe(3);

    const many = 3000;
    for (let each = 0; each < many; each += 50) await Promise.all(Array.from({ length: 50 }, () => logIn()));
    const counted = await auth.count();
    expect(counted).toBeGreaterThan(many * 0.75);
    expect(counted).toBeLessThan(many * 1.25);
  });

  promise('a record from a newer release is 503, not a lost session', async () => {
    const token = await logIn();
    await editRecord(admin, token.id, ({ v }) => ({ v: v + 1 }));
    await expect(validator.validate(token)).rejects.toMatchObject({ code: 'store-unavailable', status: 503 });
  });

  promise('a record that is garbage is 503 for its holder and harms nobody else', async () => {
    const [broken, sound] = [await logIn(), await logIn()];
    const { s, rest } = keysOf(broken.id);
    await editRecord(admin, broken.id, () => ({ facts: '{not json' }));
    await expect(validator.validate(broken)).rejects.toMatchObject({ code: 'store-unavailable' });
    await admin.hset(s, rest, 'no record');
    await expect(validator.validate(broken)).rejects.toMatchObject({ code: 'store-unavailable' });
    // Their other sessions, and what comes after, are not lost with it.
    const other = await logIn(broken.userId);
    expect((await auth.list(broken.userId)).map(({ id }) => id)).toEqual([other.id]);
    await admin.del(s);
    await admin.set(s, 'not even a hash');
    await expect(validator.validate(broken)).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await validator.validate(sound)).toMatchObject({ outcome: 'active' });
  });

  promise('a full Redis takes no login, and still validates and logs out', async () => {
    const token = await logIn();
    try {
      await admin.config('SET', 'maxmemory', '1');
      await expect(
        open('auth', { retryBudgetMs: 200 }).create({ userId: newUser(), roles: [], amr: [], device }),
      ).rejects.toMatchObject({ status: 503 });
      expect(await validator.validate(token)).toMatchObject({ outcome: 'active' });
      expect(await auth.revoke(token.id, token.proof, 'logout')).toMatchObject({ outcome: 'revoked' });
      expect(await auth.list(token.userId)).toEqual([]);
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
  });

  promise(
    'a login that Redis refuses while it hands over is confirmed after it, and sessions are read meanwhile',
    async () => {
      const token = await logIn();
      const store = open('auth', { retryBudgetMs: 300 });
      await store.ping();
      const setting = 'min-replicas-to-write';
      const before = String((await admin.config('GET', setting))[1]);
      await admin.config('SET', setting, '1000');
      const refusals = async () =>
        Number(/errorstat_NOREPLICAS:count=(\d+)/.exec(await admin.info('errorstats'))?.[1] ?? 0);
      const startedAtMs = performance.now();
      const login = logIn(token.userId, store);
      try {
        await pollUntil('refusals for longer than the budget', 2500, async () => {
          expect(await validator.validate(token)).toMatchObject({ outcome: 'active' });
          return (await refusals()) > 5 && performance.now() - startedAtMs > 600;
        });
      } finally {
        await admin.config('SET', setting, before);
      }
      expect(await validator.validate(await login)).toMatchObject({ outcome: 'active' });
    },
  );

  promise(
    'an older auth does not replace a newer function library, and a lost library comes back by itself',
    async () => {
      const [reply] = (await admin.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'holdfast_v2', 'WITHCODE')) as unknown[];
      const code = JSON.stringify(reply).match(/"(#!lua name=holdfast_v2.*?[^\\])"[,\]}]/s)?.[1];
      if (code === undefined) throw new Error('FUNCTION LIST gave no code');
      const source = JSON.parse(`"${code}"`) as string;
      const newer = source.replace(/^-- revision: \d+$/m, '-- revision: 999999');
      await admin.call('FUNCTION', 'LOAD', 'REPLACE', newer);
      await open('auth').ping();
      await logIn(newUser(), open('auth'));
      const libraryCode = async () => JSON.stringify(await admin.call('FUNCTION', 'LIST', 'WITHCODE'));
      expect(await libraryCode()).toContain('-- revision: 999999');

      await admin.call('FUNCTION', 'FLUSH', 'SYNC');
      const token = await logIn();
      expect(await validator.validate(token)).toMatchObject({ outcome: 'active' });
      expect(await libraryCode()).not.toContain('-- revision: 999999');
    },
  );

  promise('a service of the release before, which still runs during an upgrade, is told to ask elsewhere', async () => {
    const names = ['create', 'validate', 'validate_each', 'touch', 'rotate', 'revoke', 'revoke_user', 'revoke_linked'];
    const functions = [...names, 'list', 'limit'].map((name) => `holdfast_v1_${name}`);
    const register = functions.map(
      (name) =>
        `redis.register_function{function_name='${name}', callback=function() return {'unknown'} end, flags={'no-writes'}}`,
    );
    await admin.call('FUNCTION', 'LOAD', `#!lua name=holdfast_v1\n-- revision: 4\n${register.join('\n')}`);
    const [redis, oldAuth] = [await backend.connectAs('validator'), await backend.connectAs('auth')];
    const { s, t } = keysOf((await logIn()).id);
    expect(await redis.call('FCALL_RO', 'holdfast_v1_validate', 2, s, t, 'x', '0')).toEqual(['unknown']);

    open('auth').connect();
    const answers = async () => {
      const calls = functions.map((name) => oldAuth.call('FCALL', name, 1, s).catch((error: Error) => error.message));
      calls.push(redis.call('FCALL_RO', functions[1] as string, 2, s, t).catch((error: Error) => error.message));
      return Promise.all(calls);
    };
    await pollUntil('the new library', 10_000, async () => !(await answers()).some((answer) => Array.isArray(answer)));
    // To an old service that is an error which passes: it answers 503, after it has tried again.
    for (const answer of await answers()) expect(answer).toMatch(/^TRYAGAIN /);
    await admin.call('FUNCTION', 'DELETE', 'holdfast_v1');
  });

  promise('with the password changed in Redis and in the file, connections come back with the new one', async () => {
    const token = await logIn();
    const store = open('validator');
    await store.validate(token);
    await backend.changePassword('validator');
    await admin.client('KILL', 'USER', 'validator');
    await pollUntil('the new password', 10_000, async () => (await store.validate(token)).outcome === 'active');
  });
});

/** Every key with its value, and every function, as text. */
async function dumpEverything(redis: Redis): Promise<string> {
  const parts: string[] = [];
  for await (const keys of redis.scanStream({ count: 1000 })) {
    for (const key of keys as string[]) {
      const type = await redis.type(key);
      if (type === 'hash') {
        for (const [field, value] of Object.entries(await redis.hgetallBuffer(key))) {
          parts.push(key, field, value.toString('latin1'));
        }
      } else if (type === 'zset') parts.push(key, ...(await redis.zrange(key, '0', '-1')));
      else parts.push(key, String(await redis.get(key)));
    }
  }
  return parts.join('\n');
}

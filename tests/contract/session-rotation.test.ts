import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  createSessionToken,
  type Device,
  type ParsedSessionToken,
  parseSessionToken,
  type RotateOptions,
  type SessionStore,
} from '@holdfast/session';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect } from 'vitest';
import { pollUntil } from '../support/poll-until.ts';
import { type StoreBackend, storeBackends } from '../support/store-backends.ts';
import { createStoreSuite } from '../support/store-suite.ts';

const device: Device = { userAgent: 'rotation test', ip: '192.0.2.8' };
const HOUR_MS = 3_600_000;
const GRACE_MS = 30_000;
const keys = [randomBytes(32)];

const parsed = (token: string) => parseSessionToken(token) as ParsedSessionToken;

describe.each(storeBackends)('rotation on $name', (named) => {
  const { open, begin, promise } = createStoreSuite(named);
  let backend: StoreBackend;
  let admin: Redis;
  let auth: SessionStore;
  let validator: SessionStore;

  const newUser = () => `user-${createSessionToken().id}`;
  const logIn = async (userId = newUser()) => {
    const { token, session } = await auth.create({ userId, roles: ['customer'], amr: ['pwd'], device });
    return { token, id: session.id, userId, session };
  };
  const rotate = (token: string, options: Partial<RotateOptions> = {}, store = auth) =>
    store.rotate(token, { keys, minAgeMs: 0, ...options });
  const successorOf = async (token: string, options: Partial<RotateOptions> = {}) => {
    const rotation = await rotate(token, options);
    if (rotation.outcome !== 'rotated') throw new Error(`rotate answered ${rotation.outcome}`);
    return rotation.token;
  };
  const outcomeOf = async (token: string, store = validator) => (await store.validate(parsed(token))).outcome;
  /** As a service does it that was sent the token. */
  const use = async (token: string, store = validator) => {
    const validation = await store.validate(parsed(token));
    if (validation.outcome !== 'active') throw new Error(`the token is ${validation.outcome}`);
    const { id } = validation.session;
    if (validation.touchDue) store.touch(id, validation.firstUse);
    if (validation.firstUse !== undefined) {
      const mark = validation.firstUse.slice(0, 16);
      await pollUntil('the first use', 5000, async () => (await admin.hget(`hf:t:${id}`, 'u')) === mark);
    }
    if (store === auth && validation.rotation === 'note') await auth.noteUse(parsed(token));
    return validation.session;
  };
  /** Lets the time go by that replaced secrets have left, as auth wrote it down and as validators did. */
  const passGrace = async (id: string) => {
    const spent = await admin.hget(`hf:s:${id}`, 'spent');
    if (spent !== null) await admin.hset(`hf:s:${id}`, 'spent', spent.replace(/(.{43})\d{13},/g, '$10000000000000,'));
    const usedAt = await admin.hget(`hf:t:${id}`, 'ut');
    if (/^\d{13}$/.test(usedAt ?? '')) await admin.hincrby(`hf:t:${id}`, 'ut', -GRACE_MS);
  };

  beforeAll(async () => {
    const begun = await begin();
    if (begun) ({ backend, admin, auth, validator } = begun);
  }, 120_000);

  promise('150 rotations of one session at once, at three auths, give one successor', async () => {
    const { token, id, session } = await logIn();
    const stores = [auth, open('auth'), open('auth')];
    const rotations = await Promise.all(
      Array.from({ length: 150 }, (_, index) => rotate(token, {}, stores[index % 3] as SessionStore)),
    );
    const tokens = new Set(rotations.map((rotation) => rotation.outcome === 'rotated' && rotation.token));
    expect(tokens.size).toBe(1);
    const [successor] = [...tokens] as [string];
    expect(parsed(successor).id).toBe(id);
    expect(parsed(successor).secretHash).not.toBe(parsed(token).secretHash);
    const seen = await use(successor);
    expect(seen).toEqual({ ...session, device: undefined });
    expect(await auth.list(session.userId)).toHaveLength(1);
  });

  promise('a reply that was lost logs nobody out, however late the client asks again', async () => {
    const { token, id } = await logIn();
    const successor = await successorOf(token);
    expect(await outcomeOf(token)).toBe('active');
    await admin.hincrby(`hf:s:${id}`, 'since', -2 * HOUR_MS);
    expect(await outcomeOf(token)).toBe('active');
    expect(await successorOf(token)).toBe(successor);
    expect(await outcomeOf(successor)).toBe('active');
  });

  promise('the old secret works for 30 seconds after auth saw the new one, then it ends the session', async () => {
    const { token, id, userId } = await logIn();
    const successor = await successorOf(token);
    await use(successor, auth);
    expect(await outcomeOf(token)).toBe('active');
    // Whoever comes with the old one meanwhile is given the same successor once more.
    expect(await successorOf(token)).toBe(successor);
    await passGrace(id);
    expect(await outcomeOf(token)).toBe('reused');
    expect(await auth.noteUse(parsed(token))).toBe(userId);
    for (const store of [validator, auth]) {
      expect(await outcomeOf(token, store)).toBe('reused');
      expect(await outcomeOf(successor, store)).toBe('reused');
    }
    expect(await rotate(successor)).toEqual({ outcome: 'reused' });
    expect(await auth.list(userId)).toEqual([]);
    expect(await validator.validate({ id, secretHash: createSessionToken().secretHash })).toEqual({
      outcome: 'unknown',
    });
  });

  promise('the same where only a service that validates saw the new one, and the old one come back', async () => {
    const { token, id, userId } = await logIn();
    const successor = await successorOf(token);
    await use(successor);
    await use(successor, open('validator'));
    expect(await outcomeOf(token)).toBe('active');
    await passGrace(id);
    expect(await outcomeOf(token)).toBe('reused');
    expect(await outcomeOf(successor)).toBe('active');
    await validator.noteUse(parsed(token));
    expect(await outcomeOf(successor)).toBe('reused');
    // auth, which may write, makes it final.
    expect(await auth.list(userId)).toEqual([]);
    expect(await admin.hmget(`hf:s:${id}`, 'state', 'reason')).toEqual(['revoked', 'reused']);
  });

  promise('with no use of the new secret the old one is never taken for a stolen one', async () => {
    const { token, id } = await logIn();
    await successorOf(token);
    await passGrace(id);
    for (const store of [validator, auth]) expect(await outcomeOf(token, store)).toBe('active');
    expect(await auth.noteUse(parsed(token))).toBeUndefined();
    expect(await outcomeOf(token)).toBe('active');
  });

  promise('secrets that follow each other quickly each keep their 30 seconds, and all are known later', async () => {
    const { token, id } = await logIn();
    const chain = [token];
    for (let step = 0; step < 4; step++) {
      chain.push(await successorOf(chain.at(-1) as string));
      await use(chain.at(-1) as string, auth);
    }
    for (const each of chain) expect(await outcomeOf(each)).toBe('active');
    await passGrace(id);
    const newest = chain.pop() as string;
    for (const each of chain) expect(await outcomeOf(each)).toBe('reused');
    expect(await outcomeOf(newest)).toBe('active');
  });

  promise('a session can be ended with the old secret as well as with the new one', async () => {
    for (const which of ['old', 'new'] as const) {
      const { token, userId } = await logIn();
      const successor = await successorOf(token);
      const { id, secretHash } = parsed(which === 'old' ? token : successor);
      expect(await auth.revoke(id, { secretHash }, 'logout')).toEqual({ outcome: 'revoked', userId });
      for (const each of [token, successor]) {
        expect(await validator.validate(parsed(each))).toEqual({ outcome: 'revoked', reason: 'logout' });
        expect(await rotate(each)).toEqual({ outcome: 'revoked', reason: 'logout' });
      }
    }
  });

  promise(
    '2,000 races of rotate, use and touch against a logout: no session comes back',
    async () => {
      const stores = [auth, open('auth')];
      for (let done = 0; done < 2000; done += 100) {
        const logins = await Promise.all(Array.from({ length: 100 }, () => logIn()));
        await Promise.all(
          logins.map(async ({ token, id }, index) => {
            const first = index % 2 === 0 ? await successorOf(token) : token;
            const racing = stores.map((store) => rotate(first, {}, store));
            validator.touch(id, parsed(first).secretHash);
            await auth.revoke(id, { secretHash: parsed(token).secretHash }, 'logout');
            // From here on the logout is acknowledged.
            const late = await rotate(first);
            const rotations = [...(await Promise.all(racing)), late];
            const tokens = rotations.flatMap((rotation) => (rotation.outcome === 'rotated' ? [rotation.token] : []));
            for (const each of [token, first, ...tokens]) expect(await outcomeOf(each)).toBe('revoked');
            expect(late).toEqual({ outcome: 'revoked', reason: 'logout' });
          }),
        );
        expect(await admin.exists(...logins.map(({ id }) => `hf:t:${id}`))).toBe(0);
      }
    },
    300_000,
  );

  promise(
    'what a validator writes about rotation can only end a session early, or leave the old secret be',
    async () => {
      const redis = await backend.connectAs('validator');
      const garbage = ['', 'x', '-1', 'nan', 'inf', '-inf', '1e400', '\0', '99999999999999'];
      for (const value of garbage) {
        const { token, id } = await logIn();
        const successor = await successorOf(token);
        await use(successor);
        await redis.hset(`hf:t:${id}`, 'ut', value);
        expect(['active', 'reused'], value).toContain(await outcomeOf(token));
        // auth takes no validator's word for when the 30 seconds end.
        await use(successor, auth);
        await redis.hset(`hf:t:${id}`, 'u', 'x', 'ut', value, 'r', '0');
        await passGrace(id);
        expect(await outcomeOf(token), value).toBe('reused');
        expect(await outcomeOf(successor), value).toBe('active');
      }
      const { token, id } = await logIn();
      await redis.hset(`hf:t:${id}`, 'r', '1');
      expect(await outcomeOf(token)).toBe('reused');
      await expect(
        redis.call(
          'FCALL',
          'holdfast_v1_rotate',
          2,
          `hf:s:${id}`,
          `hf:t:${id}`,
          id,
          parsed(token).secretHash,
          0,
          '',
          'x',
        ),
      ).rejects.toThrow(/NOPERM|ACL failure|can't access|no permissions/i);
      await expect(validator.rotate(token, { keys, minAgeMs: 0 })).rejects.toThrow("a validator can't rotate sessions");
    },
  );

  promise('a validation of a new secret is one read, and its first use is written once', async () => {
    const { token } = await logIn();
    const successor = await successorOf(token);
    await admin.config('RESETSTAT');
    for (let round = 0; round < 5; round++) await validator.validate(parsed(successor));
    const stats = await admin.info('commandstats');
    expect(stats).toMatch(/cmdstat_fcall_ro:calls=5,/);
    expect(stats).not.toMatch(/cmdstat_(fcall|hset|set):/);
    await use(successor);
    expect(await validator.validate(parsed(successor))).toMatchObject({ firstUse: undefined, touchDue: false });
  });

  promise(
    'a successor is found again with a key that is no longer the first, and is not taken away in a hurry',
    async () => {
      const { token, id } = await logIn();
      const [first, second] = [randomBytes(32), randomBytes(32)];
      const successor = await successorOf(token, { keys: [first, second] });
      expect(await successorOf(token, { keys: [second, first] })).toBe(successor);
      expect(await rotate(token, { keys: [second] })).toEqual({ outcome: 'kept' });
      await admin.hincrby(`hf:s:${id}`, 'since', -GRACE_MS);
      const other = await successorOf(token, { keys: [second] });
      expect(other).not.toBe(successor);
      // Whoever got the first one after all is not logged out by that.
      for (const each of [token, successor, other]) expect(await outcomeOf(each)).toBe('active');
      await use(other, auth);
      await passGrace(id);
      for (const each of [token, successor]) expect(await outcomeOf(each)).toBe('reused');
      expect(await outcomeOf(other)).toBe('active');
    },
  );

  promise('it is not due before its time, and at once when asked for', async () => {
    const store = open('auth', { rotateMs: HOUR_MS });
    const { token, id } = await logIn();
    const rotationOf = async (each: string) => {
      const validation = await store.describe(parsed(each));
      return validation.outcome === 'active' && validation.rotation;
    };
    expect(await rotationOf(token)).toBe('none');
    expect(await store.rotate(token, { keys })).toEqual({ outcome: 'kept' });
    await admin.hincrby(`hf:s:${id}`, 'created', -HOUR_MS);
    expect(await rotationOf(token)).toBe('offer');
    const rotation = await store.rotate(token, { keys });
    const successor = rotation.outcome === 'rotated' ? rotation.token : '';
    expect(await rotationOf(token)).toBe('offer');
    expect(await rotationOf(successor)).toBe('note');
    expect(await store.rotate(successor, { keys })).toEqual({ outcome: 'kept' });
    expect(await rotationOf(successor)).toBe('none');
    expect(await auth.describe(parsed(successor))).toMatchObject({ rotation: 'none' });
  });

  promise('a re-authentication is worth something for its own successor only', async () => {
    const { token, id, userId, session } = await logIn();
    await admin.hset(
      `hf:s:${id}`,
      'pub',
      JSON.stringify({ userId, roles: ['old'], amr: ['pwd'], authenticatedAtMs: 1 }),
    );
    const authentication = { userId, roles: ['new'], amr: ['pwd', 'otp'] };
    // Somebody with a copy of the token has taken the ordinary successor.
    const ordinary = await successorOf(token);
    const [proven, again] = [
      await successorOf(token, { authentication }),
      await successorOf(token, { authentication }),
    ];
    expect(proven).toBe(again);
    expect(proven).not.toBe(ordinary);
    expect(await rotate(token)).toEqual({ outcome: 'kept' });
    const seen = async (each: string) => {
      const validation = await validator.validate(parsed(each));
      return validation.outcome === 'active' && validation.session;
    };
    for (const each of [token, ordinary]) {
      expect(await seen(each)).toMatchObject({ roles: ['old'], amr: ['pwd'], authenticatedAtMs: 1 });
    }
    const fresh = { roles: ['new'], amr: ['pwd', 'otp'], authenticatedAtMs: expect.closeTo(session.createdAtMs, -5) };
    expect(await seen(proven)).toMatchObject(fresh);
    await use(proven, auth);
    expect(await seen(proven)).toMatchObject(fresh);
    for (const each of [token, ordinary]) expect(await seen(each)).toMatchObject({ authenticatedAtMs: 1 });
    await passGrace(id);
    for (const each of [token, ordinary]) expect(await outcomeOf(each)).toBe('reused');
  });

  promise('a rotation that the replicas did not confirm gives nobody a token, and the old one works', async () => {
    const { token } = await logIn();
    const unconfirmed = open('auth', { waitReplicas: backend.replicas + 1, waitTimeoutMs: 20, retryBudgetMs: 200 });
    await expect(rotate(token, {}, unconfirmed)).rejects.toMatchObject({ code: 'not-durable' });
    expect(await outcomeOf(token)).toBe('active');
    expect(await outcomeOf(await successorOf(token))).toBe('active');
  });

  promise('no secret of a chain is in Redis', async () => {
    const { token, id } = await logIn();
    const chain = [token, await successorOf(token)];
    await use(chain[1] as string, auth);
    chain.push(
      await successorOf(chain[1] as string),
      await successorOf(chain[1] as string, { authentication: (await logIn()).session }),
    );
    const everything = JSON.stringify([await admin.hgetall(`hf:s:${id}`), await admin.hgetall(`hf:t:${id}`)]);
    for (const each of chain) {
      const secret = Buffer.from(each.slice(4), 'base64url').subarray(16, 48);
      for (const encoding of ['base64', 'base64url', 'hex', 'latin1'] as const) {
        expect(everything).not.toContain(secret.toString(encoding));
      }
      expect(everything).toContain(parsed(each).secretHash);
    }
  });

  promise('a session that outlives a rolling upgrade, with its old services, is none the worse for it', async () => {
    const library = await readFile(new URL('./fixtures/holdfast-revision-1.lua', import.meta.url), 'utf8');
    await admin.call('FUNCTION', 'LOAD', 'REPLACE', library);
    const { token, id, secretHash } = createSessionToken();
    const userId = newUser();
    const [s, t, u] = [`hf:s:${id}`, `hf:t:${id}`, `hf:u:${userId}`];
    const pub = JSON.stringify({ userId, roles: ['customer'], amr: ['pwd'], authenticatedAtMs: 0 }).replace(/0\}$/, '');
    const oldAuth = await backend.connectAs('auth');
    const oldOrders = await backend.connectAs('validator');
    const create = [id, secretHash, userId, pub, HOUR_MS, HOUR_MS, 'ua', 'ip'];
    expect(await oldAuth.call('FCALL', 'holdfast_v1_create', 3, s, t, u, ...create)).toContain('created');

    // New services come before the new auth: theirs is the old library for a while.
    expect(await validator.validate({ id, secretHash })).toMatchObject({ outcome: 'active', session: { userId } });
    expect(await outcomeOf(token)).toBe('active');

    await open('auth').ping();
    await pollUntil(
      'the new library',
      10_000,
      async () => (await rotate(token, { minAgeMs: HOUR_MS })).outcome === 'kept',
    );
    const asOldService = (hash: string) => oldOrders.call('FCALL_RO', 'holdfast_v1_validate', 2, s, t, hash, '0');
    const successor = await successorOf(token);
    for (const hash of [secretHash, parsed(successor).secretHash]) {
      const reply = (await asOldService(hash)) as unknown[];
      expect(reply.slice(0, 2)).toEqual(['active', expect.stringContaining(userId)]);
      expect(reply.slice(2, 7)).toEqual(Array(5).fill(expect.any(Number)));
    }
    await admin.hincrby(t, 'l', -61_000);
    expect(await oldOrders.call('FCALL', 'holdfast_v1_touch', 1, t)).toBe(1);
    expect(await oldAuth.call('FCALL', 'holdfast_v1_list', 1, u)).toHaveLength(1);
    await use(successor, auth);
    await passGrace(id);
    // An old service knows that reply: the session was ended, for a reason it only repeats.
    expect(await asOldService(secretHash)).toEqual(['ended', 'reused']);
    const logout = [id, 'hash', parsed(successor).secretHash, 'logout'];
    expect(await oldAuth.call('FCALL', 'holdfast_v1_revoke', 2, s, t, ...logout)).toEqual(['revoked', userId]);
  });
});

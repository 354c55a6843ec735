import { randomBytes } from 'node:crypto';
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
import { ageSession, editRecord, keysOf, passGrace, readRecord } from '../support/session-records.ts';
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

  const newUser = () => `user-${createSessionToken('nobody').id}`;
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
      const mark = validation.firstUse.slice(0, 22);
      const { t, rest } = keysOf(id);
      await pollUntil('the first use', 5000, async () => (await admin.hget(t, `${rest}u`))?.startsWith(mark) ?? false);
    }
    if (store === auth && validation.rotation === 'note') await auth.noteUse(parsed(token));
    return validation.session;
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
    await editRecord(admin, id, ({ since = 0 }) => ({ since: since - 2 * HOUR_MS }));
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
    await passGrace(admin, id);
    expect(await outcomeOf(token)).toBe('reused');
    expect(await auth.noteUse(parsed(token))).toBe(userId);
    for (const store of [validator, auth]) {
      expect(await outcomeOf(token, store)).toBe('reused');
      expect(await outcomeOf(successor, store)).toBe('reused');
    }
    expect(await rotate(successor)).toEqual({ outcome: 'reused' });
    expect(await auth.list(userId)).toEqual([]);
    expect(await validator.validate({ id, secretHash: createSessionToken('nobody').secretHash })).toEqual({
      outcome: 'unknown',
    });
  });

  promise('the same where only a service that validates saw the new one, and the old one come back', async () => {
    const { token, id, userId } = await logIn();
    const successor = await successorOf(token);
    await use(successor);
    await use(successor, open('validator'));
    expect(await outcomeOf(token)).toBe('active');
    await passGrace(admin, id);
    expect(await outcomeOf(token)).toBe('reused');
    expect(await outcomeOf(successor)).toBe('active');
    await validator.noteUse(parsed(token));
    expect(await outcomeOf(successor)).toBe('reused');
    // auth, which may write, makes it final.
    expect(await auth.list(userId)).toEqual([]);
    expect(await readRecord(admin, id)).toBeUndefined();
    expect(await admin.exists(keysOf(id).ended)).toBe(1);
    expect(await outcomeOf(successor)).toBe('reused');
  });

  promise('with no use of the new secret the old one is never taken for a stolen one', async () => {
    const { token, id } = await logIn();
    await successorOf(token);
    await passGrace(admin, id);
    for (const store of [validator, auth]) expect(await outcomeOf(token, store)).toBe('active');
    expect(await auth.noteUse(parsed(token))).toBeUndefined();
    expect(await outcomeOf(token)).toBe('active');
  });

  promise('secrets that follow each other quickly each keep their 30 seconds, and all are known later', async () => {
    const { token, id, session } = await logIn();
    const chain = [token];
    for (let step = 0; step < 4; step++) {
      // Only who authenticates again is given the next one so soon.
      if (step > 0) expect(await rotate(chain.at(-1) as string)).toEqual({ outcome: 'kept' });
      chain.push(await successorOf(chain.at(-1) as string, { authentication: session }));
      await use(chain.at(-1) as string, auth);
    }
    for (const each of chain) expect(await outcomeOf(each)).toBe('active');
    await passGrace(admin, id);
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
        expect(await admin.exists(...logins.map(({ id }) => keysOf(id).t))).toBe(0);
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
        const { t, rest } = keysOf(id);
        await redis.hset(t, `${rest}u`, `${parsed(successor).secretHash.slice(0, 22)}${value}`);
        expect(['active', 'reused'], value).toContain(await outcomeOf(token));
        // auth takes no validator's word for when the 30 seconds end.
        await use(successor, auth);
        await redis.hset(t, `${rest}u`, `${'x'.repeat(22)}${value}`);
        await passGrace(admin, id);
        expect(await outcomeOf(token), value).toBe('reused');
        expect(await outcomeOf(successor), value).toBe('active');
      }
      const { token, id } = await logIn();
      const { s, t, rest } = keysOf(id);
      await redis.hset(t, rest, 'reused');
      expect(await outcomeOf(token)).toBe('reused');
      await expect(
        redis.call('FCALL', 'holdfast_v2_rotate', 2, s, t, id, parsed(token).secretHash, 0, '', 'x'),
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
      await editRecord(admin, id, ({ since = 0 }) => ({ since: since - GRACE_MS }));
      const other = await successorOf(token, { keys: [second] });
      expect(other).not.toBe(successor);
      // Whoever got the first one after all is not logged out by that.
      for (const each of [token, successor, other]) expect(await outcomeOf(each)).toBe('active');
      await use(other, auth);
      await passGrace(admin, id);
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
    await ageSession(admin, id, HOUR_MS);
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
    await editRecord(admin, id, ({ created }) => ({ facts: `["old"],["pwd"],${1 - created}` }));
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
    await passGrace(admin, id);
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
    await passGrace(admin, id);
    chain.push(
      await successorOf(chain[1] as string),
      await successorOf(chain[1] as string, { authentication: (await logIn()).session }),
    );
    const { s, t } = keysOf(id);
    const everything = JSON.stringify([
      await readRecord(admin, id),
      ...[await admin.hgetallBuffer(s), await admin.hgetallBuffer(t)].map((all) =>
        Object.values(all).map((value) => value.toString('latin1')),
      ),
    ]);
    for (const each of chain) {
      const secret = Buffer.from(each.slice(4), 'base64url').subarray(16, 48);
      for (const encoding of ['base64', 'base64url', 'hex', 'latin1'] as const) {
        expect(everything).not.toContain(secret.toString(encoding));
      }
      // Of a secret that was replaced a part of its hash is kept.
      expect(everything).toContain(parsed(each).secretHash.slice(0, 22));
    }
  });
});

import { randomBytes, randomUUID } from 'node:crypto';
import { createSessionToken, type ParsedSessionToken, parseSessionToken, type SessionStore } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect } from 'vitest';
import { keysOf } from '../support/session-records.ts';
import { storeBackends } from '../support/store-backends.ts';
import { createStoreSuite } from '../support/store-suite.ts';

describe.each(storeBackends)('names of keys on $name', (named) => {
  const { begin, open, promise } = createStoreSuite(named);
  let admin: Redis;
  let plain: SessionStore;
  const [previous, current, next] = [randomBytes(32), randomBytes(32), randomBytes(32)];

  beforeAll(async () => {
    const begun = await begin();
    if (begun) ({ admin, auth: plain } = begun);
  }, 120_000);

  const openWith = (...keys: Buffer[]) => open('auth', { nameKeys: () => keys });
  const newLink = () => randomBytes(32).toString('base64url');
  const logIn = async (store: SessionStore, link: string) => {
    const userId = `user-${createSessionToken('nobody').id}`;
    const device = { userAgent: 'names test', ip: '192.0.2.11' };
    const { token } = await store.create({ userId, roles: [], amr: [], device, link });
    return parseSessionToken(token) as ParsedSessionToken;
  };
  const revoke = async (store: SessionStore, link: string, final = false) =>
    (await store.revokeLinked(link, 'ended-by-provider', { final })).map(({ id }) => id).toSorted();

  promise('a provider’s session is found under each key there is, in whatever order auths have them', async () => {
    const [before, after] = [openWith(current, next), openWith(next, current)];
    for (const ending of [before, after, openWith(next, randomBytes(32), current)]) {
      const link = newLink();
      const ids = [(await logIn(before, link)).id, (await logIn(after, link)).id];
      expect(await revoke(ending, link, true)).toEqual(ids.toSorted());
      // The login that is under way is too late, wherever it arrives.
      for (const store of [before, after]) {
        await expect(logIn(store, link)).rejects.toMatchObject({ code: 'sign-in-failed' });
      }
    }
    expect(await revoke(openWith(previous), newLink())).toEqual([]);
  });

  promise('one of an earlier release is found by its plain name, and that name is not written again', async () => {
    const link = newLink();
    const { id } = await logIn(plain, link);
    expect(await admin.exists(`hf:o:${link}`)).toBe(1);
    const store = openWith(current);
    expect(await revoke(store, link, true)).toEqual([id]);
    expect(await admin.exists(`hf:o:${link}`)).toBe(0);
    await expect(logIn(store, link)).rejects.toMatchObject({ code: 'sign-in-failed' });
  });

  promise('what was counted still counts once the next key is the first', async () => {
    const times = { limit: 3, windowMs: 60_000, pendingMs: 20_000 };
    const counters = [{ key: `account:${randomUUID()}`, ...times }];
    const [before, after] = [openWith(current, next), openWith(next, randomBytes(32))];
    for (const store of [before, before, after]) {
      const attempt = randomUUID();
      expect(await store.takeLimit(counters, attempt)).toBe(0);
      await store.countLimit(counters, attempt);
    }
    expect(await after.takeLimit(counters, randomUUID())).toBeGreaterThan(0);
    const names = await admin.keys('hf:rl:*');
    expect(names.filter((name) => name.includes(counters[0]?.key ?? ''))).toEqual([]);
  });

  promise('why a session ended is known where an earlier release kept it by its id', async () => {
    const token = await logIn(plain, newLink());
    const { ended } = keysOf(token.id);
    await plain.revoke(token.id, token, 'logout');
    expect(ended).not.toContain(token.id.slice(9));
    await admin.rename(ended, `hf:s:${token.id}`);
    expect(await plain.validate(token)).toEqual({ outcome: 'revoked', reason: 'logout' });
    expect(await plain.revoke(token.id, token, 'logout')).toMatchObject({ outcome: 'ended' });
    const stranger = createSessionToken('nobody').secretHash;
    expect(await plain.validate({ id: token.id, secretHash: stranger })).toEqual({ outcome: 'unknown' });
  });
});

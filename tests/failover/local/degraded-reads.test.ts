import { randomBytes } from 'node:crypto';
import type { SessionStore } from '@holdfast/session';
import { expect, onTestFinished, test } from 'vitest';
import { createSession, openStore } from '../../support/open-store.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';
import { reservePort } from '../../support/reserve-port.ts';

/** So long that no replica is promoted while a test looks at what replicas answer. */
const NEVER_MS = 600_000;
const safe = { safe: true };
const refused = { code: 'store-unavailable', status: 503 };

test('while the primary hangs, replicas answer safe methods and nothing else', async () => {
  const { set, auth, validator } = await start();
  const token = await logIn(auth);
  await auth.rotate(token.text, { keys: [randomBytes(32)], minAgeMs: 0 });
  await set.untilReplicated();
  expect(await auth.describe(token, safe)).toMatchObject({ rotation: 'offer' });
  (await set.primary()).kill('SIGSTOP');

  expect(await validator.validate(token, safe)).toMatchObject({ outcome: 'active' });
  const device = { userAgent: 'Test/1.0' };
  expect(await auth.describe(token, safe)).toMatchObject({ session: { device }, rotation: 'none' });
  await expect(validator.validate(token)).rejects.toMatchObject(refused);

  const [replica] = await set.replicas();
  replica?.kill('SIGSTOP');
  await expect(validator.validate(token, safe), 'one replica alone may lack a logout').rejects.toMatchObject(refused);
}, 60_000);

test('a replica whose connections are closed while the primary hangs, as at its promotion, is asked again', async () => {
  const { set, auth, validator } = await start();
  const token = await logIn(auth);
  await set.untilReplicated();
  const [replica] = await set.replicas();
  (await set.primary()).kill('SIGSTOP');
  expect(await validator.validate(token, safe)).toMatchObject({ outcome: 'active' });

  for (let round = 0; round < 10; round += 1) {
    const [validation] = await Promise.all([
      validator.validate(token, safe),
      replica?.admin().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    ]);
    expect(validation).toMatchObject({ outcome: 'active' });
    expect(await validator.validate(token, safe)).toMatchObject({ outcome: 'active' });
  }
}, 60_000);

test('a confirmed logout that one replica lacks is not undone, and a login that it lacks is not denied', async () => {
  const { set, auth, validator } = await start();
  const [ended, kept] = [await logIn(auth), await logIn(auth)];
  const [primary, [behind]] = [await set.primary(), await set.replicas()];
  await set.untilReplicated();
  await behind?.admin().replicaof('127.0.0.1', await reservePort());
  expect(await auth.revoke(ended.id, { secretHash: ended.secretHash }, 'logout')).toMatchObject({ outcome: 'revoked' });
  const young = await logIn(auth);
  primary.kill('SIGSTOP');

  await expect(validator.validate(ended, safe)).rejects.toMatchObject(refused);
  await expect(validator.validate(young, safe)).rejects.toMatchObject(refused);
  expect(await validator.validate(kept, safe)).toMatchObject({ outcome: 'active' });
}, 60_000);

test('replicas answer no longer than is configured, and the primary is asked again at once when it is back', async () => {
  const { set, auth, validator } = await start({ degradedReadMs: 2000 });
  const token = await logIn(auth);
  const primary = await set.primary();
  primary.kill('SIGSTOP');
  expect(await validator.validate(token, safe)).toMatchObject({ outcome: 'active' });
  await pollUntil('an end of it', 20_000, () =>
    validator.validate(token, safe).then(
      () => false,
      (error) => error.code === 'store-unavailable',
    ),
  );
  primary.kill('SIGCONT');
  await pollUntil('the primary’s answer', 20_000, () =>
    validator.validate(token).then(
      () => true,
      () => false,
    ),
  );
}, 60_000);

async function start({ degradedReadMs = NEVER_MS } = {}) {
  const set = await startRedisSet({ downAfterMs: NEVER_MS });
  onTestFinished(() => set[Symbol.asyncDispose]());
  const open = (role: 'auth' | 'validator') => openStore(set.configFor(role), role, { degradedReadMs });
  const [auth, validator] = [open('auth'), open('validator')];
  await logIn(auth);
  await pollUntil('connections to all nodes', 20_000, async () => {
    const clients = await Promise.all(set.nodes.map((node) => node.admin().client('LIST')));
    return clients.every((list) => (String(list).match(/name=holdfast-degraded/g) ?? []).length === 2);
  });
  await set.untilReplicated();
  return { set, auth, validator };
}

const logIn = (auth: SessionStore) =>
  pollUntil('a login', 20_000, () => createSession(auth).catch(() => false as const));

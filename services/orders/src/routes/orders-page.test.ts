import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../../../../tests/support/poll-until.ts';
import { createTestOrders, type TestOrders } from '../orders-fixture.ts';

let service: TestOrders;
beforeAll(async () => {
  service = await createTestOrders();
});
afterAll(() => service?.[Symbol.asyncDispose]());

const show = (cookie: string, query = '') => service.ask('GET', `/orders${query}`, { cookie });
const place = (cookie: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  service.ask('POST', '/orders', {
    cookie,
    body: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
const newKey = () => crypto.randomUUID();

test('lists and places orders as whoever is signed in, and shows nobody else’s', async () => {
  const [alice, bob] = [await service.logIn('alice'), await service.logIn('bob')];
  const placed = await place(alice, { sku: 'teapot-of-alice', quantity: '2', key: newKey() });
  expect([placed.status, placed.headers.get('location')]).toEqual([303, '/orders?placed=new']);
  const page = await show(alice, '?placed=new');
  expect(page.text).toMatch(/role="status">Your order is placed\.[\s\S]*teapot-of-alice[\s\S]*× 2/);
  expect((await show(bob)).text).not.toContain('teapot-of-alice');
});

test('a form that is sent twice places one order, and says so', async () => {
  const cookie = await service.logIn('carol');
  const [, key = ''] = /name="key" value="([^"]+)"/.exec((await show(cookie)).text) ?? [];
  for (const outcome of ['new', 'again']) {
    const placed = await place(cookie, { sku: 'kettle', quantity: '1', key });
    expect(placed.headers.get('location')).toBe(`/orders?placed=${outcome}`);
  }
  expect((await show(cookie)).text.match(/<h2>kettle<\/h2>/g)).toHaveLength(1);
});

test('an order that is wrong comes back with what is wrong, and with the same key', async () => {
  const cookie = await service.logIn('dave');
  const key = newKey();
  const refused = await place(cookie, { sku: '<b>pot</b>', quantity: '1001', key });
  expect(refused.status).toBe(422);
  expect(refused.text).toContain('role="alert"');
  expect(refused.text).toContain(`value="${key}"`);
  expect(refused.text).toContain('value="&lt;b&gt;pot&lt;/b&gt;"');
  expect(refused.text).not.toContain('<b>pot');
});

test('shows a page of twenty and leads on to older ones', async () => {
  const cookie = await service.logIn('erin');
  for (let number = 0; number < 21; number++) {
    await place(cookie, { sku: `article-${number}`, quantity: '1', key: newKey() });
  }
  const first = await show(cookie);
  expect(first.text.match(/<li>/g)).toHaveLength(20);
  const [, next = ''] = /href="\/orders(\?cursor=[^"]+)">Older orders/.exec(first.text) ?? [];
  const second = await show(cookie, next);
  expect(second.text.match(/<h2>article-0<\/h2>/g)).toHaveLength(1);
  expect(second.text.match(/<li>/g)).toHaveLength(1);
  expect(second.text).not.toContain('Older orders');
  expect(Buffer.byteLength(first.text)).toBeLessThan(20_000);
});

test('while PostgreSQL can’t answer, the order that was sent can be sent again with one press, and is placed once', async () => {
  const cookie = await service.logIn('frank');
  const fields = { sku: 'teapot', quantity: '1', key: newKey() };
  const { postgres } = service;
  await postgres.stop();
  try {
    const failed = await place(cookie, fields);
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '1']);
    expect(failed.text).toMatch(/Your order has not been placed yet|We couldn’t confirm your order/);
    expect(failed.text).not.toMatch(/still signed in|nothing of yours is lost/);
    for (const [name, value] of Object.entries(fields)) {
      expect(failed.text).toContain(`<input type="hidden" name="${name}" value="${value}">`);
    }
  } finally {
    await postgres.start();
  }
  await pollUntil('the order to be placed', 10_000, async () => (await place(cookie, fields)).status === 303);
  await place(cookie, fields);
  expect((await show(cookie)).text.match(/<li>/g)).toHaveLength(1);
});

test('an order from another site is not placed, whether or not it brings the cookie', async () => {
  const cookie = await service.logIn('bob');
  for (const credential of [cookie, '']) {
    const refused = await place(
      credential,
      { sku: 'stolen', quantity: '1', key: newKey() },
      { 'sec-fetch-site': 'same-site' },
    );
    expect(refused.status).toBe(403);
  }
  expect((await show(cookie)).text).not.toContain('stolen');
});

test('an order that was sent to a PostgreSQL that hangs is never said not to be placed, not even when Redis fails next', async () => {
  const cookie = await service.logIn('erin');
  const fields = { sku: 'unsure', quantity: '2', key: newKey() };
  await show(cookie);
  service.postgres.freeze(true);
  let again: Record<string, string> = {};
  try {
    const failed = await place(cookie, fields);
    expect(failed.status).toBe(503);
    expect(failed.text).toContain('We couldn’t confirm your order');
    again = Object.fromEntries(
      [...failed.text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    );
    expect(again).toEqual({ ...fields, unconfirmed: 'yes' });
  } finally {
    service.postgres.freeze(false);
  }
  await service.auth.redis.killed();
  try {
    expect((await place(cookie, again)).text).toContain('We couldn’t confirm your order');
    expect((await place(cookie, { ...fields, key: newKey() })).text).toContain('Your order has not been placed yet');
  } finally {
    await service.auth.redis.start();
  }
  await pollUntil('the order to be placed', 10_000, async () => (await place(cookie, again)).status === 303);
  expect((await show(cookie)).text.match(/<h2>unsure<\/h2>/g)).toHaveLength(1);
});

test('a form that is none is refused as such also while Redis is down, and one of another site before it is read', async () => {
  const cookie = await service.logIn('dave');
  await service.auth.redis.killed();
  try {
    expect((await place(cookie, { sku: 'teapot' })).status).toBe(422);
    expect((await place(cookie, { sku: 'x'.repeat(70_000), quantity: '1', key: newKey() })).status).toBe(413);
    expect((await place(cookie, { sku: 'teapot' }, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  } finally {
    await service.auth.redis.start();
  }
});

test('an order of somebody whose session has ended goes to where it is kept; without a name on it only the person does', async () => {
  const fields = { sku: 'teapot', quantity: '1', key: newKey() };
  const kept = await place('', { ...fields, owner: 'id-alice' });
  expect([kept.status, kept.headers.get('location')]).toEqual([
    307,
    '/auth/kept-form?to=%2Forders&reason=session-missing',
  ]);
  expect((await place('', fields)).status).toBe(303);
  const other = await place(await service.logIn('bob'), { ...fields, owner: 'id-alice' });
  expect(other.status).toBe(403);
});

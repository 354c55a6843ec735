import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSessionToken, readCookies, SESSION_COOKIE } from '@holdfast/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesNeedle, findTraces, type Needle, textNeedle } from '../support/find-traces.ts';
import { keysOf } from '../support/session-records.ts';
import { startTestPlatform, type TestPlatform } from '../support/test-platform.ts';
import { TestRedisNode } from '../support/test-redis-node.ts';

const WRONG_PASSWORD = 'a wrong password that somebody typed';
const TYPED_INTO_THE_WRONG_FIELD = 'a password that somebody typed for a name';

let running: TestPlatform;
let nodes: TestRedisNode[];
/** What no one who reads Redis, its files or the logs may learn. */
const secrets: Needle[] = [];
/** What is there, and is of no use without a secret: finding it shows that we look in the right place. */
let publicTraces: Needle[];
let userAgent: Needle;

beforeAll(async () => {
  running = await startTestPlatform();
  const { redis, auth, orders, state } = running.platform;
  nodes = redis.nodes.map((node) => new TestRedisNode(node));
  const ids: string[] = [];
  /** What is left of an ended session is called by a hash of its id. */
  const keep = (token: string, what: string, isEnded = false) => {
    const bytes = Buffer.from(token.slice('hf1_'.length), 'base64url');
    const { rest, ended } = keysOf(parseSessionToken(token)?.id ?? '');
    ids.push(isEnded ? ended : rest);
    secrets.push(bytesNeedle(`the secret of ${what}`, bytes.subarray(16, 48)));
    // The token's text has the public id first: only what lies behind it gives it away.
    secrets.push(textNeedle(`the token of ${what}`, token.slice(4 + 22)));
    return hash('sha256', bytes.subarray(16, 48), 'base64url');
  };

  const hashes: string[] = [];
  for (const { username, password } of state.users) {
    secrets.push(textNeedle(`the password of ${username}`, password));
    const forBearer = await ask(auth[0]?.url, 'POST', '/v1/sessions', { username, password, transport: 'bearer' });
    const { token } = forBearer.body as { token: string };
    hashes.push(keep(token, `${username}'s bearer session`));
    const forBrowser = await ask(auth[1]?.url, 'POST', '/v1/sessions', { username, password });
    const [cookie = '', device = ''] = forBrowser.cookies;
    hashes.push(keep(readCookies(cookie, SESSION_COOKIE)[0] ?? '', `${username}'s browser session`, true));
    // Its first half names a counter of failed logins, the second proves that this is the device.
    secrets.push(textNeedle(`the device cookie of ${username}`, device.slice(device.indexOf('.') + 1)));
    // Once more in the same browser, from a device that is known, which ends the session before.
    const again = await ask(
      auth[0]?.url,
      'POST',
      '/v1/sessions',
      { username, password },
      { cookie: `${cookie}; ${device}` },
    );
    keep(readCookies(again.cookies[0] ?? '', SESSION_COOKIE)[0] ?? '', `${username}'s next browser session`);

    const bearer = { authorization: `Bearer ${token}` };
    const jwt = await ask(auth[0]?.url, 'POST', '/v1/token', { audience: 'orders' }, bearer);
    secrets.push(textNeedle('a JWT', (jwt.body as { token: string }).token.split('.')[2] as string));
    const rotated = await ask(auth[1]?.url, 'POST', '/v1/session/rotate', undefined, bearer);
    hashes.push(keep((rotated.body as { token: string }).token, `${username}'s rotated session`));
    await ask(orders[0]?.url, 'POST', '/v1/orders', { sku: 'teapot', quantity: 1 }, bearer);
    for (const { url } of orders) await ask(url, 'GET', '/v1/orders', undefined, bearer);
    await ask(auth[1]?.url, 'GET', '/v1/sessions', undefined, bearer);
    const ended = await ask(auth[0]?.url, 'POST', '/v1/sessions', { username, password, transport: 'bearer' });
    const endedToken = (ended.body as { token: string }).token;
    keep(endedToken, `${username}'s ended session`, true);
    await ask(auth[1]?.url, 'DELETE', '/v1/session', undefined, { authorization: `Bearer ${endedToken}` });
    await ask(auth[0]?.url, 'POST', '/v1/sessions', { username, password: WRONG_PASSWORD }, {}, 401);
  }
  await ask(auth[0]?.url, 'POST', '/v1/sessions', { username: TYPED_INTO_THE_WRONG_FIELD, password: 'x' }, {}, 401);
  secrets.push(textNeedle('a wrong password', WRONG_PASSWORD));
  secrets.push(textNeedle('a password typed for a name', TYPED_INTO_THE_WRONG_FIELD));
  publicTraces = [...ids, ...hashes].map((text) => textNeedle(text, text));
  userAgent = textNeedle('the user agent', USER_AGENT);
});

afterAll(async () => {
  for (const node of nodes ?? []) await node.close();
  await running?.[Symbol.asyncDispose]();
});

const USER_AGENT = 'the browser of the scan for secrets';

/** @throws Error when the answer is not the one that is expected; 2xx without one */
async function ask(
  url: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  status?: number,
) {
  const response = await fetch(url + path, {
    method,
    headers: {
      'user-agent': USER_AGENT,
      'sec-fetch-site': 'same-origin',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const expected = status === undefined ? response.ok : response.status === status;
  if (!expected) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '');
  return { body: text === '' ? undefined : (JSON.parse(text) as unknown), cookies };
}

/** Every key of a Redis with all it holds, as one text. */
async function readEverything(node: TestRedisNode): Promise<Buffer> {
  const admin = node.admin();
  const parts: (string | Buffer)[] = [];
  for (let cursor = '0'; ; ) {
    const [next, keys] = await admin.scan(cursor, 'COUNT', 1000);
    for (const key of keys) parts.push(key, ...(await readKey(admin, key)));
    cursor = next;
    if (cursor === '0') break;
  }
  parts.push(JSON.stringify(await admin.call('FUNCTION', 'LIST', 'WITHCODE')));
  return Buffer.concat(parts.map((part) => Buffer.concat([Buffer.from(part), Buffer.from('\n')])));
}

async function readKey(admin: ReturnType<TestRedisNode['admin']>, key: string): Promise<(string | Buffer)[]> {
  const type = await admin.type(key);
  switch (type) {
    case 'hash':
      return Object.entries(await admin.hgetallBuffer(key)).flat();
    case 'zset':
      return admin.zrange(key, '0', '-1');
    case 'string':
      return [(await admin.getBuffer(key)) ?? ''];
    case 'none':
      return [];
    default:
      throw new Error(`${key} is a ${type}, which nobody here reads`);
  }
}

async function readFiles(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))));
}

describe('after real logins, orders, a token exchange, logouts and wrong passwords', () => {
  test('no token, secret or password is in any Redis', async () => {
    for (const node of nodes) {
      const everything = await readEverything(node);
      expect(findTraces(everything, secrets), node.node.name).toEqual([]);
      expect(findTraces(everything, [...publicTraces, userAgent]), node.node.name).toHaveLength(
        publicTraces.length + 1,
      );
    }
  });

  test('none is in its append-only files, nor in a snapshot, also one that is made now', async () => {
    for (const node of nodes) {
      const data = join(node.node.folder, 'data');
      const asWritten = await readFiles(data);
      expect(findTraces(asWritten, secrets), `${node.node.name}, as written`).toEqual([]);
      expect(findTraces(asWritten, publicTraces), node.node.name).toHaveLength(publicTraces.length);
      await node.admin().save();
      const withSnapshot = await readFiles(data);
      expect(withSnapshot.includes('REDIS0'), 'a snapshot').toBe(true);
      expect(findTraces(withSnapshot, secrets), `${node.node.name}, with a snapshot`).toEqual([]);
    }
  });

  test('none is in the logs of the services, of Redis, of the Sentinels and of PostgreSQL', async () => {
    const folders = await readdir(running.folder, { withFileTypes: true });
    const names = folders.filter((entry) => entry.isDirectory() && entry.name !== 'passwords').map(({ name }) => name);
    for (const name of names) {
      const files = (await readdir(join(running.folder, name))).filter((file) => file.endsWith('.log'));
      expect(files, name).not.toEqual([]);
      for (const file of files) {
        const log = await readFile(join(running.folder, name, file));
        expect(findTraces(log, secrets), `${name}/${file}`).toEqual([]);
      }
    }
  });
});

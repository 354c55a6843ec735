import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { askReplicas } from '../../../services/local/src/demo-client.ts';
import { requirePrimary } from '../../support/require-primary.ts';
import { startTestPlatform } from '../../support/test-platform.ts';
import { TestRedisNode } from '../../support/test-redis-node.ts';

test('everything Redis holds, in memory and on disk, has no token, no secret and no password in it', async () => {
  await using running = await startTestPlatform();
  const { auth, orders, redis, state } = running.platform;
  const tokens: string[] = [];
  for (const { username, password } of state.users) {
    const body = { username, password, transport: 'bearer' };
    const reply = await askReplicas(auth, '/v1/sessions', { method: 'POST', body });
    tokens.push((reply.body as { token: string }).token);
    await askReplicas(auth, '/v1/sessions', { method: 'POST', body: { ...body, password: `${password}x` } });
  }
  for (const token of tokens) await askReplicas(orders, '/v1/orders', { token });
  await askReplicas(auth, '/v1/session', { method: 'DELETE', token: tokens[0] as string });

  const admin = new TestRedisNode(await requirePrimary(redis)).admin();
  const inMemory = await dumpEverything(admin);
  admin.disconnect();
  const onDisk: Buffer[] = [];
  for (const node of redis.nodes) onDisk.push(...(await readFiles(join(node.folder, 'data'))));
  // The scan sees what is there: a session's public handle is.
  const ids = tokens.map((token) => Buffer.from(token.slice(4), 'base64url').subarray(0, 16).toString('base64url'));
  for (const id of ids) {
    expect(inMemory).toContain(id);
    expect(onDisk.some((file) => file.includes(id))).toBe(true);
  }

  const everything = [Buffer.from(inMemory, 'latin1'), ...onDisk];
  const forbidden = [
    ...tokens.flatMap((token) => spellings(token)),
    ...state.users.map(({ password }) => Buffer.from(password)),
  ];
  for (const bytes of forbidden) expect(everything.some((place) => place.includes(bytes))).toBe(false);
}, 120_000);

/** A token, and its secret in every form somebody might have written it. */
function spellings(token: string): Buffer[] {
  const secret = Buffer.from(token.slice(4), 'base64url').subarray(16, 48);
  const forms = ['hex', 'base64', 'base64url'] as const;
  return [Buffer.from(token), secret, ...forms.map((form) => Buffer.from(secret.toString(form).replace(/=+$/, '')))];
}

/** Every key with its value, as bytes, whatever its type. */
async function dumpEverything(redis: Redis): Promise<string> {
  const readers: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => redis.get(key),
    hash: (key) => redis.hgetall(key),
    zset: (key) => redis.zrange(key, '0', '-1'),
    set: (key) => redis.smembers(key),
    list: (key) => redis.lrange(key, 0, -1),
  };
  const parts: string[] = [];
  for await (const keys of redis.scanStream({ count: 100 })) {
    for (const key of keys as string[]) {
      const read = readers[await redis.type(key)];
      if (!read) throw new Error(`${key} is of a type this scan can't read: teach it`);
      parts.push(key, JSON.stringify(await read(key)));
    }
  }
  expect(parts.length).toBeGreaterThan(0);
  return parts.join('\n');
}

async function readFiles(folder: string): Promise<Buffer[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))),
  );
}

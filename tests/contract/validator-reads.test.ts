import { once } from 'node:events';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestAuth, type TestAuth } from '../support/auth-app.ts';
import { pollUntil } from '../support/poll-until.ts';

const MB = 1024 * 1024;
/** What one connection may hold of Redis' memory, whatever it asks for. */
const MOST = 64 * MB;

let auth: TestAuth;
let admin: Redis;
let cookie: string;

beforeAll(async () => {
  auth = await createTestAuth({}, {}, {}, 5000);
  cookie = (await auth.logIn('alice')).cookie;
  admin = auth.redis.admin();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

/** A connection of a validator that was taken over, which reads only when it is told to. */
async function connectRaw() {
  const socket = connect(auth.redis.port, auth.redis.host);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const { username, password } = auth.redis.users.validator;
  socket.write(`AUTH ${username} ${password}\r\nCLIENT SETNAME greedy\r\n`);
  await pollUntil('its name', 5000, async () => (await memoryOf('greedy')) !== undefined);
  return socket;
}

/** @returns undefined when Redis has closed it */
async function memoryOf(name: string): Promise<number | undefined> {
  const list = String(await admin.client('LIST'));
  const line = list.split('\n').find((each) => each.includes(` name=${name} `));
  return line === undefined ? undefined : Number(/ tot-mem=(\d+)/.exec(line)?.[1]);
}

/** Whether Redis closes it before it holds too much, while auth goes on answering. */
async function expectClosed() {
  let most = 0;
  await pollUntil('Redis to close the connection', 20_000, async () => {
    const bytes = await memoryOf('greedy');
    most = Math.max(most, bytes ?? 0);
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
    return bytes === undefined;
  });
  expect(most).toBeLessThan(MOST);
  const peak = Number(/used_memory_peak:(\d+)/.exec(await admin.info('memory'))?.[1]);
  expect(peak).toBeLessThan(MOST);
}

test('a validator’s connection that does not read its answers is closed before it holds much', async () => {
  const { host, port, users } = auth.redis;
  const validator = new Redis({ host, port, ...users.validator });
  await validator.hset('hf:t:reads', 'f', 'x'.repeat(MB - 100));
  validator.disconnect();
  const socket = await connectRaw();
  socket.pause();
  socket.write('HGET hf:t:reads f\r\n'.repeat(500));
  await expectClosed();
  socket.destroy();
});

test('nor can it send one argument that is large, or a command that never ends', async () => {
  const socket = await connectRaw();
  socket.write(`*4\r\n$4\r\nHSET\r\n$8\r\nhf:t:big\r\n$1\r\nf\r\n$${100 * MB}\r\n`);
  await expectClosed();
  socket.destroy();
  const other = await connectRaw();
  const field = `$${MB / 2}\r\n${'x'.repeat(MB / 2)}\r\n`;
  other.write('*1000\r\n$4\r\nHSET\r\n');
  for (let sent = 0; sent < 200; sent++) other.write(field);
  await expectClosed();
  other.destroy();
});

test('what auth loads, answers and lists fits into these bounds', async () => {
  await admin.config('RESETSTAT');
  for (let count = 0; count < 100; count++) {
    const device = { userAgent: 'ü'.repeat(500), ip: '192.0.2.1' };
    await auth.sessions.create({ userId: 'many', roles: ['customer'], amr: ['pwd'], device });
  }
  const lists = await Promise.all(Array.from({ length: 100 }, () => auth.sessions.list('many')));
  for (const list of lists) expect(JSON.stringify(list).length).toBeGreaterThan(50_000);
  expect(Number(/evicted_clients:(\d+)/.exec(await admin.info('stats'))?.[1])).toBe(0);
});

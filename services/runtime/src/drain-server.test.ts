import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startFixture } from './start-fixture.ts';

/** `refused` is a connection that could not be made: nothing was sent on it, so nothing was lost. */
type Outcome = 'answered' | 'refused' | `lost: ${string}`;

function send(port: number, agent: Agent, path: string, body?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({ host: '127.0.0.1', port, agent, path, method, headers }, (reply: IncomingMessage) => {
      let text = '';
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('error', (error) => resolve(`lost: reply cut off, ${error.message}`));
      reply.on('end', () => {
        const whole = reply.statusCode === 200 && text === (body ?? '{"done":true}');
        resolve(whole ? 'answered' : `lost: ${reply.statusCode} ${text}`);
      });
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : `lost: ${error.code} ${error.message}`),
    );
    outgoing.end(body);
  });
}

/** One client on one kept-alive connection, until it can't connect any more. */
async function keepSending(port: number, thinkMs: number, path: string, body: string | undefined, outcomes: Outcome[]) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (;;) {
    const outcome = await send(port, agent, path, body);
    outcomes.push(outcome);
    if (outcome !== 'answered') return;
    await wait(Math.random() * thinkMs);
  }
}

async function until(condition: () => boolean, what: string, timeoutMs = 15_000) {
  for (const end = Date.now() + timeoutMs; !condition(); ) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await wait(5);
  }
}

test('SIGTERM under load loses no request', async () => {
  // Nobody sends these clients elsewhere: they come back to this port until it is closed. In half of the delay all are at rest.
  await using service = await startFixture({ DRAIN_DELAY_MS: '2000', LOG_LEVEL: 'warn' });
  const outcomes: Outcome[] = [];
  const clients = [
    ...Array.from({ length: 10 }, () => keepSending(service.port, 0, '/work?ms=2', undefined, outcomes)),
    ...Array.from({ length: 20 }, () => keepSending(service.port, 20, '/work?ms=5', undefined, outcomes)),
    ...Array.from({ length: 10 }, () => keepSending(service.port, 300, '/work?ms=100', undefined, outcomes)),
    ...Array.from({ length: 10 }, () =>
      keepSending(service.port, 50, '/work', JSON.stringify('x'.repeat(5000)), outcomes),
    ),
  ];
  await until(() => outcomes.length > 1000, 'a thousand requests');
  service.process.kill('SIGTERM');
  // A second signal, which must not cut it short.
  await until(() => outcomes.length > 1200, 'more requests while draining');
  service.process.kill('SIGTERM');
  const code = await service.exited;
  await Promise.all(clients);
  expect(outcomes.filter((outcome) => outcome.startsWith('lost'))).toEqual([]);
  expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(clients.length);
  expect(code).toBe(0);
}, 30_000);

test('a request that lay in the kernel when the port was closed is answered, on an old connection and on a new one', async () => {
  await using service = await startFixture({ DRAIN_DELAY_MS: '400', LOG_LEVEL: 'info' });
  const idle = await Promise.all(Array.from({ length: 20 }, () => openKeptAlive(service.port)));
  const blocker = await openKeptAlive(service.port);
  service.process.kill('SIGTERM');
  await until(() => service.lines.some((line) => String(line['msg']).includes('not ready')), 'the drain to begin');
  // The process is busy when the delay ends, and the requests arrive meanwhile.
  blocker.ask('/block?ms=2500');
  await until(() => service.lines.some((line) => line['blocking']), 'the process to be busy');
  const fresh = await Promise.all(Array.from({ length: 20 }, () => openConnection(service.port)));
  for (const connection of [...idle, ...fresh]) connection.ask('/work?ms=1');
  const replies = await Promise.all([...idle, ...fresh, blocker].map((connection) => connection.reply));
  expect(replies.filter((reply) => !reply.startsWith('HTTP/1.1 200 '))).toEqual([]);
  expect(await service.exited).toBe(0);
}, 30_000);

test('a drain goes in order: unready, port closed, stores closed, telemetry last', async () => {
  // Long enough for what has to happen within it, also on a busy machine.
  await using service = await startFixture({ DRAIN_DELAY_MS: '3000', DRAIN_TIMEOUT_MS: '4000', LOG_LEVEL: 'info' });
  const probe = await openKeptAlive(service.port);
  const before = await openKeptAlive(service.port);
  const late = await openKeptAlive(service.port);
  service.process.kill('SIGTERM');
  await until(() => service.lines.some((line) => String(line['msg']).includes('not ready')), 'the drain to begin');
  probe.ask('/readyz');
  expect(await probe.reply).toMatch(/^HTTP\/1\.1 503 [\s\S]*application\/problem\+json[\s\S]*shutting down/);
  const asksToLeave = /^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close/i;
  // The sooner one leaves, the fewer are left that use their connection just when it is closed for being idle.
  before.ask('/work?ms=1');
  expect(await before.reply, 'a client is asked to leave').toMatch(asksToLeave);
  const fresh = await openConnection(service.port);
  fresh.ask('/work?ms=1');
  expect(await fresh.reply, 'and a new one is served').toMatch(asksToLeave);
  // In the second half of the delay a new one is kept, so that nobody is connecting when the port is closed.
  let kept = fresh;
  while (asksToLeave.test(await kept.reply)) {
    kept = await openConnection(service.port);
    kept.ask('/work?ms=50');
  }
  expect(await kept.reply).toMatch(/^HTTP\/1\.1 200 /);
  await until(() => service.lines.some((line) => line['msg'] === 'draining: port closed'), 'the port to be closed');
  late.ask('/work?ms=1');
  expect(await late.reply, 'as is one that was idle').toMatch(asksToLeave);
  kept = watchReplies(kept.socket);
  kept.ask('/work?ms=1');
  expect(await kept.reply, 'and one that was kept').toMatch(asksToLeave);
  expect(await service.exited).toBe(0);
  await until(() => service.lines.some((line) => line['closedInOrder']), 'everything to be closed');
  expect(service.lines).toContainEqual({ closedInOrder: ['store', 'database', 'telemetry'] });
}, 30_000);

test('a request that does not end holds up the drain no longer than it may', async () => {
  await using service = await startFixture({ DRAIN_DELAY_MS: '0', DRAIN_TIMEOUT_MS: '500', LOG_LEVEL: 'info' });
  const stuck = await openConnection(service.port);
  stuck.ask('/work?ms=600000');
  const done = await openKeptAlive(service.port);
  service.process.kill('SIGTERM');
  expect(await service.exited).toBe(0);
  expect(await stuck.reply).toBe('');
  expect(service.lines.map((line) => line['msg'])).toContain('draining: requests did not end in time and were cut off');
  done.socket.destroy();
}, 30_000);

interface Connection {
  socket: Socket;
  ask(path: string): void;
  /** The first reply after `ask`, or what came of it until the connection ended. */
  reply: Promise<string>;
}

async function openConnection(port: number): Promise<Connection> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return watchReplies(socket);
}

/** A connection that has had a request answered and waits for the next. */
async function openKeptAlive(port: number): Promise<Connection> {
  const first = await openConnection(port);
  first.ask('/livez');
  await first.reply;
  return watchReplies(first.socket);
}

function watchReplies(socket: Socket): Connection {
  const reply = Promise.withResolvers<string>();
  let text = '';
  const settle = () => reply.resolve(text);
  socket.on('data', (chunk) => {
    text += chunk;
    const [head = '', body = ''] = text.split('\r\n\r\n');
    if (body.length >= Number(/^content-length: (\d+)/im.exec(head)?.[1])) settle();
  });
  socket.on('error', settle).on('close', settle);
  const ask = (path: string) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return { socket, ask, reply: reply.promise };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createTestAuth } from '../../../tests/support/auth-app.ts';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { startPostgres } from '../../../tests/support/postgres.ts';
import { startRedis } from '../../../tests/support/redis-server.ts';
import { reservePort } from '../../../tests/support/reserve-port.ts';
import { startSessions } from '../../../tests/support/start-sessions.ts';
import { createTemporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { startCollector } from '../../runtime/src/start-collector.ts';

function startMain(env: Record<string, string>) {
  const child = spawn(process.execPath, [`${import.meta.dirname}/main.ts`], {
    env: { HOST: '127.0.0.1', METRICS_PORT: '0', DRAIN_DELAY_MS: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const exited = once(child, 'exit').then(([code]) => code as number);
  const dispose = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { child, stdout, stderr, exited, [Symbol.asyncDispose]: dispose };
}

const right = { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://user:hunter2@127.0.0.1:1/orders' };

test.each([
  ['a missing variable', { REDIS_URL: right.REDIS_URL }, /DATABASE_URL or DATABASE_URL_FILE is missing/],
  ['a malformed one', { ...right, PORT: 'http' }, /PORT is wrong: must be a whole number from 0 to 65535/],
  [
    'a malformed secret',
    { ...right, DATABASE_URL: 'mysql://user:hunter2@db' },
    /DATABASE_URL is wrong: must begin with postgres:/,
  ],
  ['an unknown sslmode', { ...right, DATABASE_URL: `${right.DATABASE_URL}?sslmode=on` }, /has an sslmode that is none/],
  ['a contradiction', { ...right, DATABASE_URL_FILE: '/dev/null' }, /DATABASE_URL and DATABASE_URL_FILE are both set/],
  ['a port for two', { ...right, PORT: '9000', METRICS_PORT: '9000' }, /PORT and METRICS_PORT are both 9000/],
  [
    'a file that is not there',
    { ...right, DATABASE_URL: '', DATABASE_URL_FILE: '/nowhere' },
    /can't be read \(ENOENT\)/,
  ],
] as [string, Record<string, string>, RegExp][])(
  'wrong configuration ends the start with one message: %s',
  async (_, env, message) => {
    await using service = startMain(env);
    expect(await service.exited).toBe(1);
    const printed = await service.stderr;
    expect(printed).toMatch(/^1 mistake in the configuration/);
    expect(printed).toMatch(message);
    expect(printed).not.toMatch(/hunter2| at /);
    expect(await service.stdout).toBe('');
  },
);

test('all mistakes are in the one message', async () => {
  await using service = startMain({ PORT: '70000', LOG_LEVEL: 'loud', TRUSTED_ORIGINS: 'shop.example/' });
  expect(await service.exited).toBe(1);
  const printed = await service.stderr;
  for (const name of ['PORT', 'LOG_LEVEL', 'TRUSTED_ORIGINS', 'DATABASE_URL', 'REDIS_URL'])
    expect(printed).toContain(name);
});

test('it starts without PostgreSQL and with a wrong password, is ready when both are mended, and stops with 0', async () => {
  await using redis = await startRedis();
  // Redis is there for orders once auth has loaded its functions.
  await using _auth = await startSessions(redis);
  await using postgres = await startPostgres();
  await postgres.stop();
  await using folder = await createTemporaryFolder('orders');
  const urlFile = join(folder.path, 'url');
  await writeFile(urlFile, `${postgres.url.replace(/:[^:@]*@/, ':wrong-password@')}\n`);
  const port = await reservePort();
  await using service = startMain({
    ...redis.environmentFor('validator'),
    DATABASE_URL_FILE: urlFile,
    PORT: String(port),
    EXPOSE_INSTANCE: 'true',
    INSTANCE_NAME: 'orders-1',
  });
  let lines = '';
  service.child.stdout.on('data', (chunk) => {
    lines += chunk;
  });
  const logged = () => lines;
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  const live = await pollUntil('the port', 20_000, () => ask('/livez'));
  expect(live.headers.get('x-served-by')).toBe('orders-1');
  const checks = async () => ((await (await ask('/readyz')).json()) as { checks: Record<string, string> }).checks;
  await pollUntil('redis to be there', 20_000, async () => (await checks())['redis'] === 'ok');
  expect(await checks()).toEqual({ redis: 'ok', postgres: 'failed' });
  await postgres.start();
  await pollUntil('a refused login', 20_000, () => logged().includes('28P01'));
  expect(await checks()).toEqual({ redis: 'ok', postgres: 'refused' });
  // As Kubernetes asks: an outage would not count, a database that refuses this service does.
  expect((await ask('/readyz?exclude=redis&exclude=postgres')).status).toBe(503);
  await writeFile(urlFile, `${postgres.url}\n`);
  await pollUntil('readiness', 20_000, async () => (await ask('/readyz')).status === 200);
  expect(logged()).not.toMatch(/wrong-password/);
  service.child.kill('SIGTERM');
  expect(await service.exited).toBe(0);
  expect(await service.stderr).toBe('');
});

test('a trace goes from the caller through orders to Redis and PostgreSQL', async () => {
  await using auth = await createTestAuth();
  await using postgres = await startPostgres();
  await using collector = await startCollector();
  const port = await reservePort();
  await using service = startMain({
    ...auth.redis.environmentFor('validator'),
    DATABASE_URL: postgres.url,
    PORT: String(port),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });
  const { cookie } = await auth.logIn();
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const headers = { cookie, traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  const ask = () => fetch(`http://127.0.0.1:${port}/v1/orders`, { headers });
  await pollUntil('an answer', 20_000, async () => (await ask()).status === 200);
  service.child.kill('SIGTERM');
  expect(await service.exited).toBe(0);
  const spans = collector.spans().filter((span) => span.traceId === traceId);
  const server = spans.findLast(({ name }) => name === 'GET /v1/orders');
  expect(server).toMatchObject({ parentSpanId: 'b7ad6b7169203331' });
  const children = spans.filter(({ parentSpanId }) => parentSpanId === server?.spanId).map(({ name }) => name);
  expect(children.sort()).toEqual(['redis validate', 'select orders']);
  expect(collector.text('/v1/metrics')).toMatch(/holdfast\.session\.validations.*holdfast\.store\.duration/s);
  expect(collector.text('/v1/traces')).not.toContain(cookie.split('=')[1]);
}, 60_000);

test('a port that is in use is said in one message', async () => {
  const port = await reservePort();
  await using holder = startMain({ ...right, PORT: String(port) });
  await pollUntil('the port', 20_000, () => fetch(`http://127.0.0.1:${port}/livez`));
  await using second = startMain({ ...right, PORT: String(port) });
  expect(await second.exited).toBe(1);
  expect(await second.stderr).toMatch(
    new RegExp(`^Can't listen on 127.0.0.1:${port}: another process listens there.*\n$`),
  );
  expect(holder.child.exitCode).toBeNull();
});

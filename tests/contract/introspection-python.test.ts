import { type ChildProcess, spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { expect, test } from 'vitest';
import { onPath } from '../../services/local/src/on-path.ts';
import { pollUntil } from '../support/poll-until.ts';
import { sendBytes } from '../support/send-bytes.ts';
import { startServices } from '../support/start-services.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const program = join(import.meta.dirname, '..', '..', 'docs', 'adopt', 'hello.py');

test('the service in Python of docs/adopt.md knows who is signed in, and logs nobody out while the store is down', async (context) => {
  const python = onPath('python3');
  if (python === undefined) context.skip('there is no python3 on this machine');
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await createTemporaryFolder('python'));
  const secret = randomBytes(32).toString('hex');
  const secretFile = join(folder.path, 'secret');
  const clientsFile = join(folder.path, 'clients.json');
  await writeFile(secretFile, `${secret}\n`);
  await writeFile(clientsFile, JSON.stringify([{ id: 'hello', secretSha256: [hash('sha256', secret)] }]));
  const services = stack.use(await startServices({ INTROSPECTION_CLIENTS_FILE: clientsFile }));
  const environment = {
    PATH: process.env['PATH'],
    INTROSPECT_URL: `${services.auth.url}/v1/introspect`,
    CLIENT_ID: 'hello',
    CLIENT_SECRET_FILE: secretFile,
    TRUSTED_ORIGINS: 'https://shop.example',
  };
  const server = spawn(python as string, [program], { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
  stack.defer(() => ended(server));
  const [port] = await firstLine(server);
  const hello = async (headers: Record<string, string>) => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
    return [response.status, await response.json()];
  };
  const raw = async (method: string, lines: string[]) =>
    (await sendBytes(`http://127.0.0.1:${port}`, '/', lines, method)).status;
  const logIn = async (index: number) => {
    const login = await fetch(`${services.auth.url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...services.users[index], transport: 'bearer' }),
    });
    return ((await login.json()) as { token: string }).token;
  };
  const token = await logIn(0);
  const bearer = { authorization: `Bearer ${token}` };

  expect(await hello(bearer)).toEqual([200, { hello: 'id-alice' }]);
  expect(await hello({ cookie: `theme=dark; __Host-hf=${token}` })).toEqual([200, { hello: 'id-alice' }]);
  for (const headers of [{}, { authorization: `Bearer ${token}x` }, { cookie: '__Host-hf=x' }]) {
    expect(await hello(headers)).toEqual([401, { error: 'log in' }]);
  }
  const others = [
    'prefs={"a":1}',
    'a[b]=1',
    'other="bad cookie',
    'x',
    '=y',
    'ä=ö',
    'q="a\\"b"',
    '__Host-hf=x',
    '__Host-hf=',
  ];
  const own = `__Host-hf=${token}`;
  const lines = [own, `\t ${own} \t`, ` __Host-hf\t= ${token}`, `${own}; ${own}`];
  for (const other of others) lines.push(`${other}; ${own}`, `${own}; ${other}`, `theme=dark;${other};${own};x=y`);
  for (const line of lines) expect(await raw('GET', [`Cookie: ${line}`]), line).toBe(200);
  expect(await raw('GET', ['Cookie: prefs={"a":1}', `Cookie: ${own}`])).toBe(200);
  for (const byte of ['\v', '\f', ...Array.from({ length: 128 }, (_, index) => String.fromCharCode(0x80 + index))]) {
    const planted = [`${byte}${own}`, `__Host-hf${byte}=${token}`, `__Host-hf=${byte}${token}`, `${own}${byte}`];
    for (const line of planted) expect(await raw('GET', [`Cookie: ${line}`]), JSON.stringify(line)).toBe(401);
    expect(await raw('GET', [`Authorization: Bearer${byte}${token}`]), JSON.stringify(byte)).toBe(401);
  }
  const second = `__Host-hf=${await logIn(1)}`;
  const refused = [`${own}; ${second}`, [own, ...'abcd'.split('').map((value) => `__Host-hf=${value}`)].join('; ')];
  for (const line of refused) expect(await raw('GET', [`Cookie: ${line}`]), line).toBe(400);
  expect(await raw('GET', [`Cookie: ${own}`, `Authorization: Bearer ${token}`])).toBe(400);
  expect(await raw('GET', [`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`])).toBe(401);
  expect(await raw('GET', [`Cookie: __Host-hf=${'x'.repeat(5000)}`])).toBe(401);

  const unsafe: [lines: string[], status: number][] = [
    [[], 403],
    [['Sec-Fetch-Site: same-origin'], 200],
    [['Sec-Fetch-Site: none'], 200],
    [['Sec-Fetch-Site: cross-site'], 403],
    [['Sec-Fetch-Site: same-site', 'Origin: https://shop.example'], 403],
    [['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'], 403],
    [['Origin: https://shop.example'], 200],
    [['Origin: https://shop.example.evil.example'], 403],
    [['Origin: null'], 403],
  ];
  for (const [headers, status] of unsafe) {
    expect(await raw('POST', [`Cookie: ${own}`, ...headers]), headers.join()).toBe(status);
  }
  expect(await raw('POST', [`Authorization: Bearer ${token}`, 'Sec-Fetch-Site: cross-site'])).toBe(200);

  await services.redis.killed();
  expect(await hello(bearer)).toEqual([503, { error: 'try again' }]);
  await services.redis.start();
  await pollUntil('the session to be known again', 20_000, async () => (await hello(bearer))[0] === 200);
  await fetch(`${services.auth.url}/v1/session`, { method: 'DELETE', headers: bearer });
  expect(await hello(bearer)).toEqual([401, { error: 'log in' }]);
}, 90_000);

async function firstLine(server: ChildProcess): Promise<string[]> {
  if (server.stdout === null) throw new Error('no output to read');
  const lines = createInterface({ input: server.stdout });
  for await (const line of lines) return [line];
  throw new Error('the program ended before it said its port');
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const end = new Promise((resolve) => server.once('exit', resolve));
  server.kill();
  await end;
}

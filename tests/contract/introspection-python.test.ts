import { type ChildProcess, spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { expect, test } from 'vitest';
import { onPath } from '../../services/local/src/on-path.ts';
import { pollUntil } from '../support/poll-until.ts';
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
  };
  const server = spawn(python as string, [program], { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
  stack.defer(() => ended(server));
  const [port] = await firstLine(server);
  const hello = async (headers: Record<string, string>) => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
    return [response.status, await response.json()];
  };
  const login = await fetch(`${services.auth.url}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...services.users[0], transport: 'bearer' }),
  });
  const { token } = (await login.json()) as { token: string };
  const bearer = { authorization: `Bearer ${token}` };

  expect(await hello(bearer)).toEqual([200, { hello: 'id-alice' }]);
  expect(await hello({ cookie: `theme=dark; __Host-hf=${token}` })).toEqual([200, { hello: 'id-alice' }]);
  for (const headers of [{}, { authorization: `Bearer ${token}x` }, { cookie: '__Host-hf=x' }]) {
    expect(await hello(headers)).toEqual([401, { error: 'log in' }]);
  }
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

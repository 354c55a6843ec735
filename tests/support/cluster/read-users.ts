import { readFile } from 'node:fs/promises';
import type { RunningRelease } from './running-release.ts';
import type { Credentials } from './workload-manifests.ts';

/** Of a JSON file `[{"username", "password"}]`. @throws Error when it is something else */
export async function readUsersFile(path: string): Promise<Credentials[]> {
  const users: unknown = JSON.parse(await readFile(path, 'utf8'));
  const isUser = (user: unknown): user is Credentials =>
    typeof user === 'object' &&
    user !== null &&
    'username' in user &&
    'password' in user &&
    typeof user.username === 'string' &&
    typeof user.password === 'string';
  if (!Array.isArray(users) || users.length < 2 || !users.every(isUser))
    throw new Error(`${path} must be JSON: [{"username": "…", "password": "…"}, …], with two users at least`);
  return users.map(({ username, password }) => ({ username, password }));
}

/** Those that the chart generated. @throws Error with the remedy where it did not */
export async function readDemoUsers({ cluster, namespace, name }: RunningRelease): Promise<Credentials[]> {
  const labelSelector = `app.kubernetes.io/instance=${name},app.kubernetes.io/name=holdfast`;
  const { items } = await cluster.core.listNamespacedSecret({ namespace, labelSelector });
  const secret = items.find(({ metadata }) => metadata?.name?.endsWith('-demo-users'));
  const users = Object.entries(secret?.data ?? {}).map(([username, password]) => ({
    username,
    password: Buffer.from(password, 'base64').toString(),
  }));
  if (users.length < 2)
    throw new Error(
      `release ${name} has no two demo users whose passwords could be read: name some of its users with --users FILE`,
    );
  return users;
}

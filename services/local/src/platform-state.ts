import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { hashPassword } from '../../auth/src/password-hash.ts';
import type { PlatformLayout } from './platform-layout.ts';
import { createRedisUsers, type RedisCredential, type RedisUserName, type RedisUsers } from './redis-users.ts';
import { StartError } from './start-error.ts';

export interface DemoUser {
  username: string;
  password: string;
  id: string;
  roles: string[];
}

interface Secrets {
  version: 1;
  redisUsers: RedisUsers;
  postgresPassword: string;
  databasePassword: string;
}

/** What a platform keeps between its runs: passwords, keys and users, made once. */
export interface PlatformState extends Omit<Secrets, 'version'> {
  users: readonly DemoUser[];
  usersFile: string;
  jwtKeysFile: string;
  passwordFile(name: RedisUserName): string;
}

export const MASTER_NAME = 'holdfast';
const newPassword = () => randomBytes(18).toString('base64url');

/**
 * Reads the folder's state, and makes what is missing. Every file is for the owner alone.
 * @throws StartError when the folder is of a version this release can't read
 */
export async function openPlatformState(folder: string): Promise<PlatformState> {
  await mkdir(join(folder, 'passwords'), { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const secrets = await keep(join(folder, 'secrets.json'), async (): Promise<Secrets> => {
    const [postgresPassword, databasePassword] = [newPassword(), newPassword()];
    return { version: 1, redisUsers: createRedisUsers(), postgresPassword, databasePassword };
  });
  if (secrets.version !== 1) {
    throw new StartError(
      `${folder} was made by another release. Remove it to begin anew (sessions and orders in it are lost), or set HOLDFAST_STATE_DIR.`,
    );
  }
  // A user that is newer than the state gets a password now.
  const redisUsers = { ...createRedisUsers(), ...secrets.redisUsers };
  await writeJson(join(folder, 'secrets.json'), { ...secrets, redisUsers });
  const users = await keep(join(folder, 'credentials.json'), async () => createDemoUsers());
  const usersFile = join(folder, 'users.json');
  await keep(usersFile, () => hashUsers(users));
  const jwtKeysFile = join(folder, 'jwt-keys.json');
  await keep(jwtKeysFile, async () => ({ keys: [await createJwtKey(), await createJwtKey()] }));
  const passwordFile = (name: string) => join(folder, 'passwords', name);
  for (const { username, password } of Object.values(redisUsers)) await writeSecret(passwordFile(username), password);
  return { ...secrets, redisUsers, users, usersFile, jwtKeysFile, passwordFile };
}

/** The connection contract, as the chart publishes it. */
export async function writeConnectionContract(
  folder: string,
  layout: PlatformLayout,
  users: RedisUsers,
): Promise<void> {
  const entries = Object.values(users).map(({ username, password }): [string, RedisCredential] => [
    username,
    { username, password },
  ]);
  await writeJson(join(folder, 'redis.json'), {
    masterName: MASTER_NAME,
    sentinels: layout.sentinel.map((port) => ({ host: layout.host, port })),
    users: Object.fromEntries(entries),
  });
}

/** Replaces a file at once, so that no reader and no crash meets half of it. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export function writeJson(path: string, content: unknown): Promise<void> {
  return writeSecret(path, `${JSON.stringify(content, null, 2)}\n`);
}

async function keep<T>(path: string, create: () => Promise<T>): Promise<T> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined) {
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new StartError(`${path} is no JSON: mend it, or remove it and a new one is made.`);
    }
  }
  const content = await create();
  await writeJson(path, content);
  return content;
}

function createDemoUsers(): DemoUser[] {
  return [
    { username: 'alice', password: newPassword(), id: 'user-alice', roles: ['customer'] },
    { username: 'bob', password: newPassword(), id: 'user-bob', roles: ['customer'] },
    { username: 'carol', password: newPassword(), id: 'user-carol', roles: ['customer', 'admin'] },
  ];
}

function hashUsers(users: readonly DemoUser[]) {
  return Promise.all(
    users.map(async ({ id, username, password, roles }) => ({
      id,
      username,
      passwordHash: await hashPassword(password),
      roles,
    })),
  );
}

async function createJwtKey() {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomBytes(9).toString('base64url'), alg: 'EdDSA', use: 'sig' };
}

/** Removes what an earlier platform wrote and a new layout makes wrong. */
export async function removeSentinelState(folder: string): Promise<void> {
  for (const number of [1, 2, 3]) await rm(join(folder, `sentinel-${number}`, 'sentinel.conf'), { force: true });
}

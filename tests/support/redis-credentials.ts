import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisConfig, RedisEndpoint, RedisTarget } from '@holdfast/session';
import { createRedisUsers, type RedisUserName, type RedisUsers } from '../../services/local/src/redis-users.ts';

/** The users of a Redis under test, in the forms services and libraries take them. */
export interface RedisCredentials {
  readonly users: RedisUsers;
  /** A file with the user's password. */
  passwordFile(name: RedisUserName): string;
  /** What a `SessionStore` takes. */
  /** @param sentinels others than the platform's, such as ways to them that can be cut */
  configFor(name: RedisUserName, commandTimeoutMs?: number, sentinels?: readonly RedisEndpoint[]): RedisConfig;
}

export async function createRedisCredentials(folder: string, target: RedisTarget): Promise<RedisCredentials> {
  const users = createRedisUsers();
  const passwordFile = (name: RedisUserName) => join(folder, 'passwords', name);
  await mkdir(join(folder, 'passwords'), { mode: 0o700 });
  for (const { username, password } of Object.values(users)) {
    await writeFile(passwordFile(username as RedisUserName), `${password}\n`, { mode: 0o600 });
  }
  return {
    users,
    passwordFile,
    configFor: (name, commandTimeoutMs = 250, sentinels) => ({
      target: sentinels && target.kind === 'sentinel' ? { ...target, sentinels } : target,
      username: users[name].username,
      password: () => users[name].password,
      commandTimeoutMs,
    }),
  };
}

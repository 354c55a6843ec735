import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashPassword } from '../../services/auth/src/password-hash.ts';
import { ServiceNode } from '../../services/local/src/service-node.ts';
import { TestOpenIdProvider } from './openid-provider.ts';
import { startRedis, type TestRedis } from './redis-server.ts';
import { reservePort } from './reserve-port.ts';

export interface TestSingleSignOn extends AsyncDisposable {
  /** Two replicas; the provider sends browsers back to the first. */
  auth: readonly [ServiceNode, ServiceNode];
  provider: TestOpenIdProvider;
  redis: TestRedis;
  clientSecret: string;
  /** Whose password works beside the provider. */
  user: { username: string; password: string };
  readLogs(): Promise<string>;
}

export interface StartOidcOptions {
  /** How auth reaches Redis, where that is another than the one it comes with. */
  redisEnvironment?: Record<string, string>;
}

/**
 * Two auth processes that share a provider, which is not started yet.
 *
 * @param createEnvironment variables that are to be otherwise
 */
export async function startOidc(
  createEnvironment: (issuer: string) => Record<string, string> = () => ({}),
  { redisEnvironment }: StartOidcOptions = {},
): Promise<TestSingleSignOn> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const ports = [await reservePort(), await reservePort()] as const;
  const home = `http://127.0.0.1:${ports[0]}`;
  const client = {
    clientId: 'holdfast',
    clientSecret: 'a secret of +/%20& signs, only on loopback',
    redirectUri: `${home}/auth/oidc/callback`,
    backchannelLogoutUri: `${home}/auth/oidc/backchannel-logout`,
    postLogoutRedirectUri: `${home}/auth/signed-out`,
  };
  const provider = stack.use(await TestOpenIdProvider.create(client));
  const user = { username: 'alice', password: 'the password of alice' };
  const file = async (name: string, text: string) => {
    await writeFile(join(redis.folder, name), text);
    return join(redis.folder, name);
  };
  const users = [{ ...user, id: 'id-alice', passwordHash: await hashPassword(user.password), roles: ['customer'] }];
  const { privateKey } = generateKeyPairSync('ed25519');
  const shared = {
    ...(redisEnvironment ?? redis.environmentFor('auth')),
    USERS_FILE: await file('users.json', JSON.stringify(users.map(({ password: _, ...entry }) => entry))),
    JWT_KEYS_FILE: await file('keys.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string),
    TRUSTED_PROXIES: '1',
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: client.clientId,
    OIDC_CLIENT_SECRET_FILE: await file('client-secret', `${client.clientSecret}\n`),
    OIDC_REDIRECT_URI: client.redirectUri,
    OIDC_POST_LOGOUT_REDIRECT_URI: client.postLogoutRedirectUri,
    OIDC_SCOPES: 'openid,groups',
    OIDC_ROLES_CLAIM: 'groups',
    OIDC_ROLES_MAP: 'admins=admin',
    OIDC_DEFAULT_ROLES: 'customer',
    ...createEnvironment(provider.issuer),
  };
  const create = async (index: 0 | 1) => {
    const name = `auth-${index + 1}`;
    const logFile = join(redis.folder, `${name}.log`);
    const [port, metricsPort] = [ports[index], await reservePort()];
    const where = { host: '127.0.0.1', port, metricsPort, logFile };
    return new ServiceNode({ service: 'auth', name, ...where, environment: shared });
  };
  const auth = [await create(0), await create(1)] as const;
  for (const node of auth) {
    stack.defer(() => node.stop());
    await node.start();
  }
  for (const node of auth) await node.untilReady(30_000);
  const resources = stack.move();
  return {
    auth,
    provider,
    redis,
    user,
    clientSecret: client.clientSecret,
    readLogs: async () => {
      const logs = auth.map(({ name }) => readFile(join(redis.folder, `${name}.log`), 'utf8'));
      return (await Promise.all(logs)).join('');
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

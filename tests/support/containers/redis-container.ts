import { GenericContainer, Wait } from 'testcontainers';
import { createRedisConfig } from '../../../services/local/src/redis-config.ts';
import { createAclFile } from '../../../services/local/src/redis-users.ts';
import { createRedisCredentials, type RedisCredentials } from '../redis-credentials.ts';
import { createTemporaryFolder } from '../temporary-folder.ts';
import { testAdmin } from '../test-redis-node.ts';
import { type ContainerImage, containerEngine } from './container-engine.ts';

export interface RedisContainer extends AsyncDisposable, RedisCredentials {
  readonly host: string;
  readonly port: number;
}

const PORT = 6379;

/** A single Redis or Valkey in a container, with the platform's users, gone when it is disposed of. */
export async function startRedisContainer(image: ContainerImage, program: string): Promise<RedisContainer> {
  Object.assign(process.env, containerEngine().env);
  const folder = await createTemporaryFolder('redis-container');
  // Where it will be reached is known only once it runs.
  const address = { host: '127.0.0.1', port: 0 };
  const credentials = await createRedisCredentials(folder.path, { kind: 'single', ...address });
  const aclFile = '/etc/holdfast/users.acl';
  const config = createRedisConfig({ host: '0.0.0.0', port: PORT, folder: '/data', aclFile });
  const container = await new GenericContainer(image)
    .withExposedPorts(PORT)
    .withCopyContentToContainer([
      { content: config, target: '/etc/holdfast/redis.conf', mode: 0o644 },
      // The rules that the oldest server takes, which is the one on this machine.
      { content: createAclFile('redis-server', credentials.users, [testAdmin]), target: aclFile, mode: 0o644 },
    ])
    .withCommand([program, '/etc/holdfast/redis.conf'])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  Object.assign(address, { host: container.getHost(), port: container.getMappedPort(PORT) });
  return {
    ...credentials,
    ...address,
    configFor: (name, commandTimeoutMs) => ({
      ...credentials.configFor(name, commandTimeoutMs),
      target: { kind: 'single', ...address },
    }),
    [Symbol.asyncDispose]: async () => {
      await container.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

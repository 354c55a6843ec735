import { join } from 'node:path';
import { Platform } from '../../services/local/src/platform.ts';
import { type PlatformLayout, portLists } from '../../services/local/src/platform-layout.ts';
import { reservePort } from './reserve-port.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { testAdmin } from './test-redis-node.ts';

export interface TestPlatformOptions {
  /** Whether what ends is started again, as under `npm start`; else what a test kills stays away. Default false. */
  supervise?: boolean;
  serviceEnvironment?: Readonly<Record<string, string>>;
}

export interface TestPlatform extends AsyncDisposable {
  platform: Platform;
  readonly folder: string;
  /** What the platform told, and every restart, as far as it went. */
  readonly log: readonly string[];
  /** The same folder and ports once more, after everything was stopped. */
  restart(): Promise<void>;
}

const counts: Partial<Record<keyof PlatformLayout, number>> = { edge: 1, redis: 3, sentinel: 3, postgres: 1 };

/** What `npm start` runs, on free ports and in a folder of its own, gone when disposed of. */
export async function startTestPlatform(options: TestPlatformOptions = {}): Promise<TestPlatform> {
  const folder = await createTemporaryFolder('platform');
  const layout = await reserveLayout();
  const log: string[] = [];
  const create = () =>
    Platform.create({
      folder: join(folder.path, 'state'),
      layout,
      supervise: options.supervise ?? false,
      log: (text) => log.push(text),
      extraRedisUsers: [testAdmin],
      serviceEnvironment: {
        // A workload behind one address, in an outage, is no attack.
        LOGIN_FAILURES_PER_ACCOUNT: '100',
        LOGIN_FAILURES_PER_ADDRESS: '100000',
        LOGIN_WINDOW_MS: '1000',
        LOGIN_SUCCESSES_PER_MINUTE: '10000',
        SESSION_MAX_PER_USER: '200',
        ...options.serviceEnvironment,
      },
    });
  const running: TestPlatform = {
    platform: await create(),
    folder: join(folder.path, 'state'),
    log,
    restart: async () => {
      await running.platform.stop();
      running.platform = await create();
      await running.platform.start();
    },
    [Symbol.asyncDispose]: async () => {
      await running.platform.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
  try {
    await running.platform.start();
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
  return running;
}

/** Free ports for everything. */
export async function reserveLayout(): Promise<PlatformLayout> {
  const layout = { host: '127.0.0.1' } as PlatformLayout;
  for (const name of portLists) {
    const ports: number[] = [];
    for (let index = 0; index < (counts[name] ?? 2); index += 1) ports.push(await reservePort());
    layout[name] = ports;
  }
  return layout;
}

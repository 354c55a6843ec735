import { PostgresNode } from '../../services/local/src/postgres-node.ts';
import { reservePort } from './reserve-port.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface TestPostgres extends AsyncDisposable {
  readonly port: number;
  /** As the owner of an empty database. */
  readonly url: string;
  /** Ends it at once, with everything that is under way. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Freezes it, or wakes it: connections stay open, and nobody answers. */
  freeze(frozen: boolean): void;
}

/** A throw-away PostgreSQL on a free loopback port: the platform's, but for what it would keep through a power cut. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await createTemporaryFolder('postgres');
  const port = await reservePort();
  const password = 'only-on-loopback-in-tests';
  const node = new PostgresNode({
    host: '127.0.0.1',
    port,
    folder: folder.path,
    password,
    database: { name: 'orders', password },
    unsafe: true,
  });
  const start = async () => {
    await node.start();
    await node.untilReady();
  };
  // PostgreSQL's immediate shutdown: as a crash, but its children go with it.
  const stop = () => node.stop('SIGQUIT');
  const dispose = async () => {
    node.freeze(false);
    await stop();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    port,
    url: node.url,
    start,
    stop,
    freeze: (frozen) => node.freeze(frozen),
    [Symbol.asyncDispose]: dispose,
  };
}

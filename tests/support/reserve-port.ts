import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ListenOptions } from 'node:net';

// Below the range from which Linux gives outgoing connections their ports (32768 up), so none of those takes it.
const FIRST_PORT = 21_000;
const LAST_PORT = 25_999;

/**
 * A loopback port that is free, and stays ours: a name held in the kernel keeps every other test process on this machine
 * from choosing it too, also while nothing listens on it. It is let go when this process ends.
 */
export async function reservePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (!(await tryListen({ path: `\0holdfast-test-port-${port}` }, 'keep'))) continue;
    if (await tryListen({ host: '127.0.0.1', port, exclusive: true }, 'close')) return port;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}: stop what listens there`);
}

async function tryListen(options: ListenOptions, then: 'keep' | 'close'): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(options);
    await once(server, 'listening');
  } catch {
    return false;
  }
  if (then === 'keep') server.unref();
  else await new Promise((resolve) => server.close(resolve));
  return true;
}

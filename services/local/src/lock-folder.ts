import { hash } from 'node:crypto';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { StartError } from './start-error.ts';

/**
 * Keeps a second platform from using the same folder. The lock is a name in the kernel, held by an open socket: it
 * can't be left behind, however the holder ends. Elsewhere than on Linux there is none.
 *
 * @throws StartError when somebody else holds it
 */
export async function lockFolder(path: string): Promise<Server | undefined> {
  if (process.platform !== 'linux') return undefined;
  const server = createServer();
  try {
    server.listen({ path: `\0holdfast-${hash('sha256', realpathSync(path))}` });
    await once(server, 'listening');
  } catch (cause) {
    throw new StartError(
      `Another platform runs on ${path}: stop it first, or set HOLDFAST_STATE_DIR to another folder.`,
      { cause },
    );
  }
  server.unref();
  return server;
}

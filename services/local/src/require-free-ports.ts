import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { listPorts, type PlatformLayout } from './platform-layout.ts';
import { StartError } from './start-error.ts';

// A platform that was just killed lets go of its ports a moment later.
const PATIENCE_MS = 2000;

/** @throws StartError that names each port somebody else listens on, and the variable to change */
export async function requireFreePorts(layout: PlatformLayout): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const taken = [];
    for (const entry of listPorts(layout)) if (!(await isFreePort(layout.host, entry.port))) taken.push(entry);
    if (taken.length === 0) return;
    if (performance.now() > deadline) {
      const lines = taken.map(
        ({ port, about, variable }) =>
          `Port ${port} (${about}) is in use: stop what listens there, or set ${variable} to other ports.`,
      );
      throw new StartError(lines.join('\n'));
    }
    await delay(100);
  }
}

/** Whether nobody listens there. */
export async function isFreePort(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

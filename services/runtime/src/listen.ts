import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { StartError } from './start-error.ts';

const reasons = (variable: string): Record<string, string> => ({
  EADDRINUSE: `another process listens there; stop it, or set ${variable} to another port`,
  EACCES: `this user may not use that port; set ${variable} to one above 1023`,
  EADDRNOTAVAIL: 'this machine has no such address; set HOST to one that it has, or to 0.0.0.0',
});

/**
 * Opens the server's port.
 *
 * @param variable the environment variable the port came from, for the message
 * @returns the port, which the system chose where 0 was asked for
 * @throws StartError with the remedy when the port can't be had
 */
export async function listen(server: Server, host: string, port: number, variable: string): Promise<number> {
  try {
    const listening = once(server, 'listening');
    server.listen({ host, port });
    await listening;
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    throw new StartError(`Can't listen on ${address}: ${reasons(variable)[code] ?? message}.`, { cause });
  }
  return (server.address() as AddressInfo).port;
}

import { once } from 'node:events';
import { type AddressInfo, isIPv4, isIPv6, type Server } from 'node:net';
import { StartError } from './start-error.ts';

const noAddress = 'HOST is no address of this machine; set it to one that it has, or to 0.0.0.0';

const reasons = (variable: string): Record<string, string> => ({
  EADDRINUSE: `another process listens there; stop it, or set ${variable} to another port`,
  EACCES: `this user may not use that port; set ${variable} to one above 1023`,
  EADDRNOTAVAIL: noAddress,
  ENOTFOUND: noAddress,
  EAI_AGAIN: noAddress,
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
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    // A name is a name only once it was found.
    const address = isIPv6(host) ? `[${host}]` : isIPv4(host) ? host : 'HOST';
    throw new StartError(`Can't listen on ${address}:${port}: ${reasons(variable)[code] ?? code}.`, { cause });
  }
  return (server.address() as AddressInfo).port;
}

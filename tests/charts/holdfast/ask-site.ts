import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';

/** A site whose name no DNS knows. */
export interface Site {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
}

export interface SiteRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface SiteAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request by HTTPS, on a connection of its own; redirects are not followed. */
export async function askSite(
  site: Site,
  path: string,
  { method, headers, body }: SiteRequest = {},
): Promise<SiteAnswer> {
  const { host, address, port, ca } = site;
  const options = { host: address, port, path, ca, servername: host, agent: false, timeout: 15_000 } as const;
  const asked = request({ ...options, method: method ?? 'GET', headers: { host, ...headers } });
  asked.on('timeout', () => asked.destroy(new Error(`${path}: no answer within ${options.timeout} ms`)));
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** The address that the site sees our connections come from. */
export async function ownAddress({ host, address, port, ca }: Site): Promise<string> {
  const socket = connect({ host: address, port, ca, servername: host });
  try {
    await once(socket, 'secureConnect');
    return socket.localAddress ?? '';
  } finally {
    socket.destroy();
  }
}

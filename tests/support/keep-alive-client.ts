import { Agent, request } from 'node:http';

export interface KeepAliveReply {
  status: number;
  body: unknown;
  servedBy: string;
}

export interface KeepAliveRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/**
 * A client with one kept-alive connection to one replica at a time, as a proxy has many of. It moves to the next replica
 * only when a connection is refused, for then nothing was sent; it never sends a request again that may have arrived.
 */
export class KeepAliveClient {
  /** How often a replica was left because it took no connections. */
  moves = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #urls: readonly string[];
  #current: number;

  constructor(urls: readonly string[], first = 0) {
    this.#urls = urls;
    this.#current = first;
  }

  /** @throws Error when the request was lost: sent, and not answered */
  async ask(path: string, options: KeepAliveRequest = {}): Promise<KeepAliveReply> {
    for (let attempt = 0; attempt < this.#urls.length; attempt += 1) {
      try {
        return await this.#send(this.#urls[this.#current % this.#urls.length] as string, path, options);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
        this.moves += 1;
        this.#current += 1;
      }
    }
    throw new Error('no replica takes a connection');
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(url: string, path: string, { method = 'GET', headers, body }: KeepAliveRequest): Promise<KeepAliveReply> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const { hostname, port } = new URL(url);
    const type =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(text.length) };
    return new Promise((resolve, reject) => {
      const options = { hostname, port, path, method, agent: this.#agent, headers: { ...type, ...headers } };
      const outgoing = request(options, (reply) => {
        let received = '';
        reply.setEncoding('utf8');
        reply.on('data', (chunk) => {
          received += chunk;
        });
        reply.on('error', reject);
        reply.on('end', () => {
          const servedBy = String(reply.headers['x-served-by']);
          const answer = received === '' ? undefined : (JSON.parse(received) as unknown);
          resolve({ status: reply.statusCode ?? 0, body: answer, servedBy });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}

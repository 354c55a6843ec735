import { once } from 'node:events';
import { type AddressInfo, createConnection, type Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import type { RedisEndpoint } from '@holdfast/session';
import { createCertificate } from './create-certificate.ts';
import { type IamUser, refuseIamToken } from './verify-iam-token.ts';

/** Stands before a Redis as ElastiCache does with IAM: TLS, and a signed token in place of a password. */
export class IamProxy implements AsyncDisposable {
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  /** Why tokens were refused so far. */
  readonly refused: string[] = [];
  /** How often somebody gave a good token, and how many of those were on a connection that had given one before. */
  accepted = 0;
  renewed = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, certificate: string) {
    this.#server = server;
    this.certificate = certificate;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param password what the user's password is in the Redis behind it */
  static async start(target: RedisEndpoint, user: IamUser, password: string): Promise<IamProxy> {
    const { key, certificate } = await createCertificate('localhost');
    const server = createServer({ key, cert: certificate });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new IamProxy(server, certificate);
    server.on('secureConnection', (client) => proxy.#serve(client, createConnection(target), user, password));
    return proxy;
  }

  /** Closes all connections, as AWS does with those that are 12 hours old. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(client: Socket, upstream: Socket, user: IamUser, password: string): void {
    let isProven = false;
    let rest = Buffer.alloc(0);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    upstream.pipe(client);
    client.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const command = parseCommand(rest);
        if (!command) return;
        rest = rest.subarray(command.length);
        const { words } = command;
        const at = words.findIndex((word) => /^auth$/i.test(word));
        // AUTH user token, or HELLO 3 AUTH user token.
        if (at === 0 || (at === 2 && /^hello$/i.test(words[0] ?? ''))) {
          const reason = words[at + 1] === user.username ? refuseIamToken(words[at + 2] ?? '', user) : 'user';
          if (reason === undefined) {
            this.accepted += 1;
            if (isProven) this.renewed += 1;
            isProven = true;
            words[at + 2] = password;
          } else {
            this.refused.push(reason);
          }
        }
        upstream.write(`*${words.length}\r\n${words.map(toBulk).join('')}`, 'latin1');
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const toBulk = (word: string) => `$${word.length}\r\n${word}\r\n`;

/** The first command in these bytes, and how many it takes; undefined where it is not there as a whole. */
function parseCommand(bytes: Buffer): { words: string[]; length: number } | undefined {
  let at = 0;
  const readNumber = () => {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  const count = readNumber();
  if (count === undefined) return undefined;
  const words: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const length = readNumber();
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    words.push(bytes.toString('latin1', at, at + length));
    at += length + 2;
  }
  return { words, length: at };
}

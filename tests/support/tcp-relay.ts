import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import type { RedisEndpoint } from '@holdfast/session';

/**
 * A way over which connections can be cut off and mended as by a network: nothing that is sent is lost, it arrives once the
 * way is open again. Connections that begin meanwhile wait for it as well.
 */
export class TcpRelay implements AsyncDisposable {
  readonly endpoint: RedisEndpoint;
  readonly #server: Server;
  readonly #ways = new Set<Way>();
  #held = false;

  private constructor(server: Server, target: RedisEndpoint) {
    this.#server = server;
    this.endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    server.on('connection', (client) => {
      const upstream = createConnection(target);
      for (const way of [new Way(client, upstream, true), new Way(upstream, client, false)]) {
        if (this.#held) way.hold();
        this.#ways.add(way);
        way.onEnd = () => this.#ways.delete(way);
      }
    });
  }

  static async start(target: RedisEndpoint): Promise<TcpRelay> {
    const server = createServer({ allowHalfOpen: true });
    server.listen({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return new TcpRelay(server, target);
  }

  /** How many bytes to the target wait for the way to be open. */
  get heldBytes(): number {
    let bytes = 0;
    for (const way of this.#ways) if (way.isToTarget) bytes += way.heldBytes;
    return bytes;
  }

  hold(): void {
    this.#held = true;
    for (const way of this.#ways) way.hold();
  }

  /** Delivers what was sent so far, and nothing else: not that a connection has ended, nor what comes now. */
  deliver(): void {
    for (const way of this.#ways) way.deliver();
  }

  release(): void {
    this.#held = false;
    for (const way of this.#ways) way.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const way of this.#ways) way.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One direction of one connection. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #chunks: Buffer[] = [];
  #held = false;
  #ended = false;
  readonly isToTarget: boolean;
  onEnd = () => {};

  constructor(from: Socket, to: Socket, isToTarget: boolean) {
    this.isToTarget = isToTarget;
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => {
      if (this.#held) this.#chunks.push(chunk);
      else to.write(chunk);
    });
    const ended = () => {
      this.#ended = true;
      if (!this.#held) this.#end();
    };
    from.on('end', ended);
    from.on('error', ended);
    from.on('close', ended);
  }

  get heldBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  hold(): void {
    this.#held = true;
  }

  deliver(): void {
    for (const chunk of this.#chunks.splice(0)) if (this.#to.writable) this.#to.write(chunk);
  }

  release(): void {
    this.#held = false;
    this.deliver();
    if (this.#ended) this.#end();
  }

  destroy(): void {
    this.#from.destroy();
  }

  #end(): void {
    this.#to.destroySoon();
    this.onEnd();
  }
}

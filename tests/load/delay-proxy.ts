import { createConnection, createServer, type Socket } from 'node:net';

/**
 * `node delay-proxy.ts <host> <port> <delay ms>`: forwards to Redis, each piece of a request that much later, in order.
 * Replies go straight back, so the delay is what it adds to a round trip. Says its port by IPC.
 */
const [host, port, delayMs] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

const server = createServer({ noDelay: true }, (client) => {
  const upstream = createConnection({ host: String(host), port: Number(port), noDelay: true });
  upstream.pipe(client);
  // Timers of one length fire in the order they were set. Node rounds them up: the delay is up to 1 ms longer.
  client.on('data', (chunk) => setTimeout(() => upstream.write(chunk), Number(delayMs)));
  const both: [Socket, Socket][] = [
    [client, upstream],
    [upstream, client],
  ];
  for (const [one, other] of both) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));

import { createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { PortForward } from '@kubernetes/client-node';
import type { Cluster } from './connect-cluster.ts';
import { isReady } from './wait-for-pod.ts';

export interface ForwardTarget {
  readonly namespace: string;
  /** Labels of the pods; each connection goes to one that is ready when it is made. */
  readonly selector: string;
  readonly port: number;
}

export interface ForwardedPort extends AsyncDisposable {
  /** On 127.0.0.1. */
  readonly port: number;
}

/** Listens on a free port of this machine until it is disposed of. What can't be connected is closed at once. */
export async function forwardPort(cluster: Cluster, target: ForwardTarget): Promise<ForwardedPort> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    connect(cluster, target, socket).catch(() => socket.destroy());
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

async function connect(cluster: Cluster, { namespace, selector, port }: ForwardTarget, socket: Socket): Promise<void> {
  const { items } = await cluster.core.listNamespacedPod({ namespace, labelSelector: selector });
  const name = items.find(isReady)?.metadata?.name;
  if (name === undefined) throw new Error(`no ready pod ${selector} in ${namespace}`);
  const problems = new PassThrough().on('data', () => socket.destroy());
  const connection = await new PortForward(cluster.config).portForward(
    namespace,
    name,
    [port],
    socket,
    problems,
    socket,
  );
  if (typeof connection === 'function') return;
  connection.addEventListener('close', () => socket.end());
  connection.addEventListener('error', () => socket.destroy());
  socket.once('close', () => connection.close());
}

import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import { type RedisConfig, tellPrimary, toldPrimary } from './redis-client.ts';
import { createSentinelClient } from './sentinel-client.ts';

const CHANNEL = '+switch-master';

export interface PrimaryFollower {
  close(): void;
}

/**
 * Listens to every Sentinel for a new primary, and makes connections that are with another one ask again at once: also
 * when the old primary hangs with its connection open, or lives on and would answer with old data.
 *
 * It stands in for ioredis' own failover detector, which ends a connection for good when the news arrives while that
 * connection is being made, and whose resubscription ends the process when a Sentinel answers too slowly.
 */
export function followPrimary(
  config: RedisConfig,
  clients: readonly Redis[],
  onError: (error: Error) => void,
): PrimaryFollower {
  const { target } = config;
  if (target.kind === 'single') return { close: () => {} };

  const leaveOthers = (client: Redis) => {
    const primary = toldPrimary(client);
    if (client.status !== 'ready' || primary === undefined) return;
    const { remoteAddress, remotePort } = client.stream;
    const { host, port } = primary;
    if (isIP(host) !== 0 && (remoteAddress !== host || remotePort !== port)) client.disconnect(true);
  };
  for (const client of clients) client.on('ready', () => leaveOthers(client));

  const sentinels = target.sentinels.map((endpoint) => {
    const sentinel = createSentinelClient(endpoint, 'holdfast-follow', config);
    sentinel.on('error', onError);
    sentinel.on('ready', () => {
      sentinel.subscribe(CHANNEL).catch(() => sentinel.disconnect(true));
    });
    sentinel.on('message', (_channel, message) => {
      // <master name> <old ip> <old port> <new ip> <new port>
      const [name, , , newHost, newPort] = String(message).split(' ');
      if (name !== target.masterName || newHost === undefined) return;
      const primary = { host: newHost, port: Number(newPort) };
      for (const client of clients) {
        tellPrimary(client, primary);
        leaveOthers(client);
      }
    });
    return sentinel;
  });
  return {
    close: () => {
      for (const sentinel of sentinels) sentinel.disconnect();
    },
  };
}

import type { Redis } from 'ioredis';
import { askSentinels } from './ask-sentinels.ts';
import { isSame, mayBeReplaced, toUncertain } from './primary-connector.ts';
import {
  doubtPrimary,
  endpointOf,
  type RedisConfig,
  type RedisEndpoint,
  tellPrimary,
  toldPrimary,
} from './redis-client.ts';
import { createSentinelClient } from './sentinel-client.ts';

const CHANNEL = '+switch-master';
/**
 * How often the primary is asked whether its replicas are with it. It misses them 2 to 4 s after it was cut off
 * (`min-replicas-max-lag`); a successor takes its first write a second later.
 */
const CHECK_MS = 500;

export interface PrimaryFollower {
  close(): void;
}

/**
 * Listens to every Sentinel for a new primary, and makes connections that are with another one ask again at once: also
 * when the old primary hangs with its connection open, or lives on and would answer with old data. No Sentinel can tell who
 * is cut off together with the old primary; so one that its replicas have left is asked only while most Sentinels name it.
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
    const endpoint = endpointOf(client);
    if (client.status === 'ready' && primary && endpoint && !isSame(endpoint, primary)) client.disconnect(true);
  };
  for (const client of clients) client.on('ready', () => leaveOthers(client));

  const follow = (primary: RedisEndpoint) => {
    for (const client of clients) {
      tellPrimary(client, primary);
      leaveOthers(client);
    }
  };

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
      follow({ host: newHost, port: Number(newPort) });
    });
    return sentinel;
  });

  const confirm = async (client: Redis) => {
    const primary = endpointOf(client);
    if (client.status !== 'ready' || primary === undefined) return;
    const [, good] = /^min_slaves_good_slaves:(\d+)/m.exec(await client.info('replication')) ?? [];
    if (!mayBeReplaced({ min_slaves_good_slaves: good })) return;
    const named = await askSentinels(sentinels, target.masterName).catch(() => undefined);
    if (named?.certain) {
      // News of a failover is here before most Sentinels have it.
      if (!isSame(named, primary) && !toldPrimary(client)) follow(named);
      return;
    }
    onError(toUncertain(primary));
    for (const each of clients) {
      const endpoint = endpointOf(each);
      if (endpoint && isSame(endpoint, primary)) doubtPrimary(each);
    }
  };
  let confirming: Promise<void> | undefined;
  const timer = setInterval(() => {
    const [client] = clients;
    // A primary that does not answer at all is its connection's to notice.
    if (client)
      confirming ??= confirm(client)
        .catch(() => {})
        .finally(() => (confirming = undefined));
  }, CHECK_MS).unref();

  return {
    close: () => {
      clearInterval(timer);
      for (const sentinel of sentinels) sentinel.disconnect();
    },
  };
}

import type { Redis } from 'ioredis';
import { askSentinels, type NamedPrimary } from './ask-sentinels.ts';
import { isSame, toUncertain } from './primary-connector.ts';
import { doubtPrimary, endpointOf, leaveReplaced, tellPrimary } from './redis-client.ts';
import type { RedisConfig } from './redis-config.ts';
import { isFollowed, parseReplicationInfo } from './replication-info.ts';
import { createSentinelClient } from './sentinel-client.ts';
import { SharedLook } from './shared-look.ts';

const CHANNEL = '+switch-master';
/**
 * How often the primary is asked whether its replicas are with it. It misses them 2 to 4 s after it was cut off
 * (`min-replicas-max-lag`); a successor takes its first write a second later.
 */
const CHECK_MS = 500;

export interface PrimaryFollower {
  /**
   * Whether a node was the primary that most Sentinels name when it answered: only then is it final that it doesn't know a
   * session. To be asked when the answer has come. Where another one is named, it is followed from now on.
   *
   * @param asked the client's {@link endpointOf} from before it was asked
   */
  wasPrimary(client: Redis, asked: NamedPrimary | undefined): Promise<boolean>;
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
  // Nobody else could say who is primary.
  if (target.kind === 'single') return { wasPrimary: async () => true, close: () => {} };
  for (const client of clients) client.on('ready', () => leaveReplaced(client));

  const looks = new SharedLook(async () => {
    const named = await askSentinels(sentinels, target.masterName).catch(() => undefined);
    if (named) for (const client of clients) tellPrimary(client, named);
    return named;
  });

  const sentinels = target.sentinels.map((endpoint) => {
    const sentinel = createSentinelClient(endpoint, 'holdfast-follow', config);
    sentinel.on('error', onError);
    sentinel.on('ready', () => {
      sentinel.subscribe(CHANNEL).catch(() => sentinel.disconnect(true));
    });
    sentinel.on('message', (_channel, message) => {
      // <master name> <old ip> <old port> <new ip> <new port>. It may have been on its way for long: the Sentinels are asked.
      if (String(message).split(' ', 1)[0] === target.masterName) void looks.next();
    });
    return sentinel;
  });

  const check = async (client: Redis) => {
    const primary = endpointOf(client);
    if (client.status !== 'ready' || primary === undefined) return;
    // Who may not ask knows nothing of replicas.
    const text = await client.info('replication').catch((error: Error) => {
      if (error.name === 'ReplyError') return '';
      throw error;
    });
    if (isFollowed(parseReplicationInfo(text))) return;
    const named = await looks.next();
    if (named?.certain) return;
    onError(toUncertain(primary));
    for (const each of clients) {
      const endpoint = endpointOf(each);
      if (endpoint && isSame(endpoint, primary)) doubtPrimary(each);
    }
  };
  let checking: Promise<void> | undefined;
  const timer = setInterval(() => {
    const [client] = clients;
    // A primary that does not answer at all is its connection's to notice.
    if (client)
      checking ??= check(client)
        .catch(() => {})
        .finally(() => (checking = undefined));
  }, CHECK_MS).unref();

  return {
    wasPrimary: async (client, asked) => {
      if (asked === undefined || endpointOf(client) !== asked) return false;
      const named = await looks.next();
      // Still the same connection and failover: the node was not demoted and promoted anew meanwhile.
      return (
        named?.certain === true && endpointOf(client) === asked && named.epoch === asked.epoch && isSame(named, asked)
      );
    },
    close: () => {
      clearInterval(timer);
      for (const sentinel of sentinels) sentinel.disconnect();
    },
  };
}

import { Redis } from 'ioredis';

export interface RecordedKeyNames extends Disposable {
  /** Of every key that has changed since, as Redis tells it to anybody who asks. */
  readonly names: ReadonlySet<string>;
}

/** Listens to all keys that change (CLIENT TRACKING in broadcasting mode, without a prefix), with the rights of that user. */
export async function recordKeyNames(
  { host, port }: { host: string; port: number },
  user: { username: string; password: string },
): Promise<RecordedKeyNames> {
  const names = new Set<string>();
  const redis = new Redis({ host, port, ...user, lazyConnect: true });
  // As the local cache listens: in RESP2 what changes is a message of a channel.
  Object.assign(redis.options, { protocol: 2 });
  redis.on('messageBuffer', (_channel: Buffer, keys: Buffer[] | null) => {
    for (const key of keys ?? []) names.add(key.toString('latin1'));
  });
  await redis.connect();
  await redis.client('TRACKING', 'ON', 'REDIRECT', await redis.client('ID'), 'BCAST');
  await redis.subscribe('__redis__:invalidate');
  return { names, [Symbol.dispose]: () => redis.disconnect() };
}

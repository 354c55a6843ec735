import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { RedisConfig } from '@holdfast/session';

/** What an arm needs to know; comes from the runner. */
export interface ArmSettings {
  /** Where Redis is, or the proxy that delays it. The user may do everything. */
  redis: { host: string; port: number; username: string; password: string };
  /** Holdfast's own users, with no more rights than in production. */
  holdfastUsers: Record<'auth' | 'validator', { username: string; password: string }>;
  /** For the signatures of cookies; the same for all replicas of an arm. */
  secret: string;
  /** Replicas that confirm a login or a logout. */
  waitReplicas: number;
}

/**
 * A small server as somebody would write it with that library: `GET /me` answers the session's user as JSON. Where the
 * library can do it, also `POST /session` (logs the user of `x-user` in, no password asked), `DELETE /session`,
 * `GET /sessions` and `DELETE /sessions`.
 */
export interface Arm {
  /** Opens a port of 127.0.0.1 and returns it. */
  listen(): Promise<number>;
  /**
   * A session for each user, in the library's own format.
   * @returns the header that carries each, as `name: value`
   */
  seed?(userIds: readonly string[]): Promise<string[]>;
}

export interface ArmModule {
  createArm(settings: ArmSettings): Promise<Arm>;
}

/** What every arm says of a user. */
export const rolesOfEveryUser = ['customer'];
export const amrOfEveryUser = ['pwd'];

/** As in production: the load balancer speaks TLS, and says so. Every arm gets it with every request. */
export const TLS_HEADER = { 'x-forwarded-proto': 'https' };

export const IDLE_TIMEOUT_MS = 30 * 60_000;
export const ABSOLUTE_TIMEOUT_MS = 12 * 3_600_000;

interface Listener {
  listen(options: { host: string; port: number }): unknown;
  once(event: 'listening', listener: () => void): unknown;
  address(): AddressInfo | string | null;
}

export async function openPort(server: Listener): Promise<number> {
  const listening = once(server as never, 'listening');
  server.listen({ host: '127.0.0.1', port: 0 });
  await listening;
  return (server.address() as AddressInfo).port;
}

export function toRedisConfig(settings: ArmSettings, name: 'auth' | 'validator'): RedisConfig {
  const { username, password } = settings.holdfastUsers[name];
  const { host, port } = settings.redis;
  // The default of 250 ms is for users who wait; a saturated benchmark must show its latencies, not its timeouts.
  return { target: { kind: 'single', host, port }, username, password: () => password, commandTimeoutMs: 5000 };
}

/** Runs for each item, a few hundred at a time. */
export async function inBatches<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let index = 0; index < items.length; index += 500) {
    results.push(...(await Promise.all(items.slice(index, index + 500).map(run))));
  }
  return results;
}

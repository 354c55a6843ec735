import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManagedProcess } from './managed-process.ts';
import { type PlatformLayout, toEndpoints } from './platform-layout.ts';
import {
  MASTER_NAME,
  openPlatformState,
  type PlatformState,
  removeSentinelState,
  writeConnectionContract,
  writeJson,
  writeSecret,
} from './platform-state.ts';
import { PostgresNode } from './postgres-node.ts';
import { RedisSet } from './redis-set.ts';
import type { ExtraRedisUser } from './redis-users.ts';
import { requireFreePorts } from './require-free-ports.ts';
import { ServiceNode } from './service-node.ts';
import { StartError } from './start-error.ts';
import { Supervisor } from './supervisor.ts';

export interface PlatformOptions {
  folder: string;
  layout: PlatformLayout;
  /** Whether a process that ends unasked is started again. */
  supervise: boolean;
  log: (text: string) => void;
  /** Redis users beyond the platform's own; for tests. */
  extraRedisUsers?: readonly ExtraRedisUser[];
  /** Variables for every service, over those the platform sets. */
  serviceEnvironment?: Readonly<Record<string, string>>;
}

/** Redis with Sentinels, PostgreSQL, auth, orders and an edge in front of them as processes of this machine. */
export class Platform {
  readonly redis: RedisSet;
  readonly postgres: PostgresNode;
  readonly services: readonly ServiceNode[];
  /** One address for all services: what an Ingress is in the cluster. */
  readonly edge: ServiceNode<'edge'>;
  readonly state: PlatformState;
  readonly #options: PlatformOptions;
  readonly #supervisor: Supervisor;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(options: PlatformOptions, state: PlatformState) {
    const { folder, layout, log } = options;
    this.#options = options;
    this.state = state;
    this.#supervisor = new Supervisor(log);
    this.redis = new RedisSet({
      folder,
      masterName: MASTER_NAME,
      redis: toEndpoints(layout, 'redis'),
      sentinels: toEndpoints(layout, 'sentinel'),
      users: state.redisUsers,
      log,
      ...(options.extraRedisUsers === undefined ? {} : { extraUsers: options.extraRedisUsers }),
    });
    this.postgres = new PostgresNode({
      host: layout.host,
      port: layout.postgres[0] as number,
      folder: join(folder, 'postgres'),
      password: state.postgresPassword,
      database: { name: 'orders', password: state.databasePassword },
    });
    this.services = [...this.#createServices('auth'), ...this.#createServices('orders')];
    this.edge = this.#createEdge();
  }

  /** Reads the folder's state, or makes it. Starts nothing. */
  static async create(options: PlatformOptions): Promise<Platform> {
    return new Platform(options, await openPlatformState(options.folder));
  }

  get auth(): ServiceNode[] {
    return this.services.filter(({ service }) => service === 'auth');
  }

  get orders(): ServiceNode[] {
    return this.services.filter(({ service }) => service === 'orders');
  }

  /**
   * Resolves when everything serves.
   * @throws StartError for what the user can mend; nothing is left running then
   */
  async start(): Promise<void> {
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Services first, so that they end their requests on a store that is still there. Safe to call at any time, and twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { folder, layout } = this.#options;
    await requireFreePorts(layout);
    await this.#adoptLayout();
    await writeConnectionContract(folder, layout, this.state.redisUsers);
    await mkdir(join(folder, 'postgres'), { recursive: true, mode: 0o700 });
    await writeSecret(join(folder, 'postgres', 'url'), this.postgres.url);
    this.#requireGoingOn();
    const stores = await Promise.allSettled([this.redis.start(), this.#startPostgres()]);
    for (const store of stores) if (store.status === 'rejected') throw store.reason;
    this.#requireGoingOn();
    await Promise.all([...this.services, this.edge].map((service) => service.start()));
    this.#requireGoingOn();
    await Promise.all([...this.services, this.edge].map((service) => service.untilReady()));
    this.#requireGoingOn();
    if (this.#options.supervise) this.#supervise();
  }

  async #stop(): Promise<void> {
    await this.#supervisor.stop();
    await this.#stopProcesses();
    // A start that was cut short may have made one more process meanwhile.
    await this.#starting?.catch(() => {});
    await this.#stopProcesses();
  }

  async #stopProcesses(): Promise<void> {
    await this.edge.stop();
    await Promise.all(this.services.map((service) => service.stop()));
    await this.redis.stop();
    await this.postgres.stop();
  }

  #requireGoingOn(): void {
    if (this.#stopping) throw new StartError('Told to stop while starting.');
  }

  async #startPostgres(): Promise<void> {
    await this.postgres.start();
    await this.postgres.untilReady();
  }

  #supervise(): void {
    for (const service of [...this.services, this.edge]) this.#supervisor.watch(service, () => service.start());
    for (const node of this.redis.nodes) this.#supervisor.watch(node, () => this.redis.startNode(node));
    for (const sentinel of this.redis.sentinels) {
      this.#supervisor.watch(sentinel, () => this.redis.startSentinel(sentinel));
    }
    this.#supervisor.watch(this.postgres, (): Promise<ManagedProcess> => this.postgres.start());
  }

  /** Sentinels remember addresses. After a change of ports they begin anew, with the primary they knew. */
  async #adoptLayout(): Promise<void> {
    const path = join(this.#options.folder, 'layout.json');
    const { layout } = this.#options;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    const earlier = text === undefined ? undefined : (JSON.parse(text) as PlatformLayout);
    const same = (name: 'redis' | 'sentinel') => earlier?.[name].join() === layout[name].join();
    if (earlier && !(same('redis') && same('sentinel'))) {
      const written = await Promise.all(this.redis.sentinels.map((sentinel) => sentinel.readWrittenPrimary()));
      const index = earlier.redis.findIndex(
        (port) => written.filter((endpoint) => endpoint?.port === port).length * 2 > written.length,
      );
      const primary = this.redis.nodes[index];
      if (primary) {
        await removeSentinelState(this.#options.folder);
        for (const sentinel of this.redis.sentinels) await sentinel.prepare(primary.endpoint);
      }
    }
    await writeJson(path, layout);
  }

  #createServices(service: 'auth' | 'orders'): ServiceNode[] {
    const { folder, layout, serviceEnvironment } = this.#options;
    const { host } = layout;
    return layout[service].map((port, index) => {
      const name = `${service}-${index + 1}`;
      return new ServiceNode({
        service,
        name,
        host,
        port,
        metricsPort: layout[`${service}Metrics`][index] as number,
        logFile: join(folder, name, `${service}.log`),
        environment: {
          ...this.#redisEnvironment(service === 'auth' ? 'auth' : 'validator'),
          ...(service === 'auth' ? this.#authEnvironment() : this.#ordersEnvironment()),
          // The edge says who the client is.
          TRUSTED_PROXIES: host,
          TRUSTED_ORIGINS: [...layout.edge, ...layout.auth, ...layout.orders]
            .flatMap((each) => [`http://127.0.0.1:${each}`, `http://localhost:${each}`])
            .join(','),
          ...serviceEnvironment,
        },
      });
    });
  }

  #createEdge(): ServiceNode<'edge'> {
    const { folder, layout } = this.#options;
    const urls = (nodes: readonly ServiceNode[]) => nodes.map(({ url }) => url).join(',');
    return new ServiceNode({
      service: 'edge',
      name: 'edge',
      host: layout.host,
      port: layout.edge[0] as number,
      logFile: join(folder, 'edge', 'edge.log'),
      environment: { AUTH_URLS: urls(this.auth), ORDERS_URLS: urls(this.orders) },
    });
  }

  #redisEnvironment(user: 'auth' | 'validator'): Record<string, string> {
    const { host, sentinel } = this.#options.layout;
    return {
      REDIS_SENTINELS: sentinel.map((port) => `${host}:${port}`).join(','),
      REDIS_MASTER_NAME: MASTER_NAME,
      REDIS_USERNAME: user,
      REDIS_PASSWORD_FILE: this.state.passwordFile(user),
    };
  }

  #authEnvironment(): Record<string, string> {
    return { USERS_FILE: this.state.usersFile, JWT_KEYS_FILE: this.state.jwtKeysFile };
  }

  #ordersEnvironment(): Record<string, string> {
    const { folder, layout } = this.#options;
    return {
      DATABASE_URL_FILE: join(folder, 'postgres', 'url'),
      AUTH_JWKS_URL: `http://${layout.host}:${layout.auth[0]}/.well-known/jwks.json`,
    };
  }
}

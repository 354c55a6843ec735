import { fileURLToPath } from 'node:url';
import { ManagedProcess } from './managed-process.ts';

export type ServiceName = 'auth' | 'orders' | 'edge';

export interface ServiceNodeOptions<S extends ServiceName> {
  service: S;
  /** Such as `auth-1`; replies name it in `x-served-by`. */
  name: string;
  host: string;
  port: number;
  /** Absent where the service has no metrics. */
  metricsPort?: number;
  logFile: string;
  /** The variables of this service. */
  environment: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What a person may set for all services at once; nothing else of our environment reaches them. */
const passedOn =
  /^(PATH|TZ|NODE_EXTRA_CA_CERTS|LOG_LEVEL|OTEL_.*|SESSION_.*|LOGIN_.*|OIDC_.*|ADMIN_.*|INTROSPECTION_.*)$/;

/** One replica of a service, as a process. */
export class ServiceNode<S extends ServiceName = 'auth' | 'orders'> {
  readonly name: string;
  readonly service: S;
  readonly url: string;
  /** Where its metrics are, if it has any. */
  readonly metricsUrl: string | undefined;
  readonly #options: ServiceNodeOptions<S>;
  #process: ManagedProcess | undefined;

  constructor(options: ServiceNodeOptions<S>) {
    this.name = options.name;
    this.service = options.service;
    this.url = `http://${options.host}:${options.port}`;
    this.metricsUrl = options.metricsPort ? `http://${options.host}:${options.metricsPort}/metrics` : undefined;
    this.#options = options;
  }

  get process(): ManagedProcess | undefined {
    return this.#process;
  }

  async start(): Promise<ManagedProcess> {
    const { service, name, host, port, metricsPort, logFile, environment } = this.#options;
    const inherited = Object.entries(process.env).filter(([variable]) => passedOn.test(variable));
    this.#process = await ManagedProcess.start({
      name,
      command: process.execPath,
      args: [`services/${service}/src/main.ts`],
      folder: root,
      logFile,
      env: {
        ...Object.fromEntries(inherited),
        HOST: host,
        PORT: String(port),
        ...(metricsPort === undefined ? {} : { METRICS_PORT: String(metricsPort) }),
        INSTANCE_NAME: name,
        EXPOSE_INSTANCE: 'true',
        // There is no load balancer that has to notice first; requests under way are waited for all the same.
        DRAIN_DELAY_MS: '100',
        DRAIN_TIMEOUT_MS: '5000',
        ...environment,
      },
    });
    return this.#process;
  }

  async untilReady(timeoutMs = 20_000): Promise<void> {
    await this.#process?.untilReady(async () => {
      const response = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1000) });
      if (!response.ok) throw new Error(`/readyz answers ${response.status}: ${(await response.text()).slice(0, 200)}`);
      return true;
    }, timeoutMs);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}

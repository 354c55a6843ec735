import type { RedisEndpoint } from '@holdfast/session';
import { StartError } from './start-error.ts';

/** Where everything listens. */
export interface PlatformLayout {
  host: string;
  edge: readonly number[];
  auth: readonly number[];
  orders: readonly number[];
  authMetrics: readonly number[];
  ordersMetrics: readonly number[];
  redis: readonly number[];
  sentinel: readonly number[];
  postgres: readonly number[];
}

type PortList = Exclude<keyof PlatformLayout, 'host'>;

/** Each list of ports, the variable that changes it, and what it is without. */
export const layoutVariables: Record<PortList, { variable: string; ports: readonly number[]; about: string }> = {
  edge: { variable: 'HOLDFAST_EDGE_PORT', ports: [8090], about: 'the pages, and both services behind one address' },
  auth: { variable: 'HOLDFAST_AUTH_PORTS', ports: [8081, 8082], about: 'auth, one replica for each port' },
  orders: { variable: 'HOLDFAST_ORDERS_PORTS', ports: [8091, 8092], about: 'orders, one replica for each port' },
  authMetrics: { variable: 'HOLDFAST_AUTH_METRICS_PORTS', ports: [8181, 8182], about: 'metrics of auth' },
  ordersMetrics: { variable: 'HOLDFAST_ORDERS_METRICS_PORTS', ports: [8191, 8192], about: 'metrics of orders' },
  redis: { variable: 'HOLDFAST_REDIS_PORTS', ports: [6391, 6392, 6393], about: 'Redis, three ports' },
  sentinel: { variable: 'HOLDFAST_SENTINEL_PORTS', ports: [26391, 26392, 26393], about: 'Sentinels, three ports' },
  postgres: { variable: 'HOLDFAST_POSTGRES_PORT', ports: [5439], about: 'PostgreSQL' },
};

export const portLists = Object.keys(layoutVariables) as PortList[];

const fixedCounts: Partial<Record<PortList, number>> = { edge: 1, redis: 3, sentinel: 3, postgres: 1 };

/** @throws StartError that lists every mistake in the variables */
export function parseLayout(env: Readonly<Record<string, string | undefined>>): PlatformLayout {
  const mistakes: string[] = [];
  const layout: PlatformLayout = { host: '127.0.0.1', ...defaults() };
  for (const name of portLists) {
    const { variable, ports } = layoutVariables[name];
    const text = env[variable];
    if (text === undefined || text === '') continue;
    const parsed = text.split(',').map((part) => (/^\d{1,5}$/.test(part.trim()) ? Number(part) : 0));
    const count = fixedCounts[name];
    const sound =
      parsed.every((port) => port >= 1 && port <= 65_535) && (count === undefined || parsed.length === count);
    if (sound) layout[name] = parsed;
    else
      mistakes.push(`${variable} is wrong: it must be ${count ?? 'any number of'} ports such as ${ports.join(',')}.`);
  }
  for (const [services, metrics] of [['auth', 'authMetrics'] as const, ['orders', 'ordersMetrics'] as const]) {
    if (layout[services].length === layout[metrics].length) continue;
    const [one, other] = [layoutVariables[services].variable, layoutVariables[metrics].variable];
    mistakes.push(`${one} and ${other} must name equally many ports: each replica has one of both.`);
  }
  const all = listPorts(layout);
  for (const { port, variable } of all) {
    const twin = all.find((other) => other.port === port);
    if (twin?.variable !== variable) mistakes.push(`${port} is both in ${twin?.variable} and in ${variable}.`);
    else if (all.filter((other) => other.port === port && other.variable === variable).length > 1) {
      mistakes.push(`${variable} names ${port} twice.`);
    }
  }
  if (mistakes.length > 0) throw new StartError([...new Set(mistakes)].join('\n'));
  return layout;
}

/** Every port with what listens on it and the variable that changes it. */
export function listPorts(layout: PlatformLayout): { port: number; variable: string; about: string }[] {
  return portLists.flatMap((name) => layout[name].map((port) => ({ port, ...pick(layoutVariables[name]) })));
}

export function toEndpoints(layout: PlatformLayout, name: PortList): RedisEndpoint[] {
  return layout[name].map((port) => ({ host: layout.host, port }));
}

function defaults(): Record<PortList, readonly number[]> {
  return Object.fromEntries(portLists.map((name) => [name, layoutVariables[name].ports])) as Record<
    PortList,
    readonly number[]
  >;
}

const pick = ({ variable, about }: { variable: string; about: string }) => ({ variable, about });

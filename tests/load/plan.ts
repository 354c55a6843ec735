import type { LoadKind } from './load-order.ts';

export interface ArmPlan {
  name: string;
  /** In tables and pictures. */
  title: string;
  /** `nothing`: no sessions, so there is nothing to seed and nothing to refuse; it ignores the credential it is sent. */
  keeps: 'nothing' | 'sessions' | 'tokens';
  /** What it can do besides answering whose the session is. */
  can: readonly ('log-in' | 'list')[];
  /**
   * Every session is asked for once before each round: what is written once a minute is written, and memory holds what it
   * would in service. Sessions that are used as often as here have long been there.
   */
  remembers?: boolean;
  /** What it keeps in its process is read anew after so long. It must not be in the middle of a round. */
  forgetsAfterMs?: number;
}

export const arms: readonly ArmPlan[] = [
  { name: 'bare-hono', title: 'bare Hono (no session)', keeps: 'nothing', can: [] },
  { name: 'holdfast', title: 'Holdfast', keeps: 'sessions', can: ['log-in', 'list'], remembers: true },
  {
    name: 'holdfast-cached',
    title: 'Holdfast, local cache',
    keeps: 'sessions',
    can: [],
    remembers: true,
    forgetsAfterMs: 60_000,
  },
  { name: 'holdfast-service', title: 'Holdfast in a whole service', keeps: 'sessions', can: [], remembers: true },
  { name: 'express-session', title: 'express-session + connect-redis', keeps: 'sessions', can: ['log-in'] },
  { name: 'fastify-session', title: '@fastify/session + connect-redis', keeps: 'sessions', can: ['log-in'] },
  { name: 'better-auth', title: 'better-auth + Redis', keeps: 'sessions', can: ['log-in', 'list'] },
  { name: 'jwt', title: 'JWT (EdDSA, jose)', keeps: 'tokens', can: [] },
];

/** What a load needs to know of an arm. */
export interface Seeds {
  /** A different session in each line. */
  sessions: string;
  /** Sessions of users who have 20. */
  devices: string;
  /** One of the sessions. */
  one: Record<string, string>;
}

export interface LoadPlan {
  name: string;
  title: string;
  arms: readonly string[];
  connections: number;
  /** The status every reply must have, but for those whose request logs in. */
  status: number;
  /** Added to each round trip to Redis. */
  delayMs?: number;
  replicas?: number;
  durationMs: number;
  order(seeds: Seeds | undefined): LoadKind;
}

const all = arms.map(({ name }) => name);
const withRedis = arms.filter(({ keeps }) => keeps === 'sessions').map(({ name }) => name);
const those = (what: ArmPlan['can'][number]) => arms.filter(({ can }) => can.includes(what)).map(({ name }) => name);

const validate = (seeds: Seeds | undefined): LoadKind =>
  seeds ? { kind: 'each', path: '/me', file: seeds.sessions } : { kind: 'same', path: '/me', headers: {} };

const hot: LoadPlan = {
  name: 'hot',
  title: 'validation, 100,000 sessions',
  arms: all,
  connections: 64,
  status: 200,
  durationMs: 3000,
  order: validate,
};
const oneSession: LoadPlan = {
  name: 'one-session',
  title: 'one session, 8 requests at a time',
  arms: all,
  connections: 8,
  status: 200,
  durationMs: 1500,
  order: (seeds) => ({ kind: 'same', path: '/me', headers: seeds?.one ?? {} }),
};
const loginLogout: LoadPlan = {
  name: 'login-logout',
  title: 'login, then logout',
  arms: those('log-in'),
  connections: 32,
  status: 204,
  durationMs: 2000,
  order: () => ({ kind: 'login-then', path: '/session' }),
};
const list: LoadPlan = {
  name: 'list-20',
  title: 'list of 20 devices',
  arms: those('list'),
  connections: 32,
  status: 200,
  durationMs: 2000,
  order: (seeds) => ({ kind: 'each', path: '/sessions', file: (seeds as Seeds).devices }),
};
const revokeAll: LoadPlan = {
  name: 'revoke-all',
  title: 'login, then revoke all',
  arms: those('list'),
  connections: 32,
  status: 200,
  durationMs: 2000,
  order: () => ({ kind: 'login-then', path: '/sessions' }),
};

/** Few enough connections that nobody queues for the processor: what is measured is the way. */
const delayed =
  (delayMs: number) =>
  (load: LoadPlan): LoadPlan => ({
    ...load,
    name: `${load.name}-delay-${delayMs}`,
    title: `${load.title}, Redis ${delayMs} ms away`,
    arms: load.arms.filter((name) => withRedis.includes(name)),
    connections: Math.min(load.connections, 16),
    delayMs,
    durationMs: 1500,
  });
const replicated = (replicas: number): LoadPlan => ({
  ...hot,
  name: `replicas-${replicas}`,
  title: `validation by ${replicas} replica${replicas > 1 ? 's' : ''}, not pinned`,
  arms: ['holdfast', 'express-session'],
  replicas,
  durationMs: 2000,
});

export const loads: readonly LoadPlan[] = [
  hot,
  {
    name: 'no-credential',
    title: 'no credential',
    arms: all.slice(1),
    connections: 64,
    status: 401,
    durationMs: 1500,
    order: () => ({ kind: 'same', path: '/me', headers: {} }),
  },
  {
    name: 'malformed',
    title: 'a credential with one wrong character',
    arms: all.slice(1),
    connections: 64,
    status: 401,
    durationMs: 1500,
    order: (seeds) => ({ kind: 'same', path: '/me', headers: malform((seeds as Seeds).one) }),
  },
  oneSession,
  loginLogout,
  list,
  revokeAll,
  // Those that ask Redis, once more with a way to it.
  ...[5, 2].flatMap((delayMs) => [hot, oneSession, loginLogout, list, revokeAll].map(delayed(delayMs))),
  ...[1, 2, 4].map(replicated),
];

const compared = ['holdfast', 'express-session'];

/** What `--quick` runs: the main row of each arm, and what the ratios need besides. */
export const quickLoads: readonly LoadPlan[] = loads
  .filter(({ name }) => ['hot', 'hot-delay-5', 'malformed'].includes(name))
  .map((load) => (load.name === 'hot' ? load : { ...load, arms: compared }));

/** One character in the middle of the value is another one. */
function malform(header: Record<string, string>): Record<string, string> {
  const [[name, value] = ['', '']] = Object.entries(header);
  const middle = Math.floor(value.length / 2);
  const other = value[middle] === 'a' ? 'b' : 'a';
  return { [name]: `${value.slice(0, middle)}${other}${value.slice(middle + 1)}` };
}

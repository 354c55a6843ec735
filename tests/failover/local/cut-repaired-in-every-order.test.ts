import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisEndpoint } from '@holdfast/session';
import { expect, test } from 'vitest';
import { RedisNode } from '../../../services/local/src/redis-node.ts';
import { createSession, openStore } from '../../support/open-store.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet, type TestRedisSet } from '../../support/redis-sentinel.ts';
import { reservePort } from '../../support/reserve-port.ts';
import { startSentinelBeside } from '../../support/start-sentinel-beside.ts';
import { TcpRelay } from '../../support/tcp-relay.ts';
import { TestRedisNode, testAdmin } from '../../support/test-redis-node.ts';

/** In each part of the repair so many answers of everybody. */
const ANSWERS = 6;

test('whatever comes back first when a cut is mended, a session that began meanwhile is never unknown: also where what replicas said before they left comes first', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const auth = openStore(set.configFor('auth', 1000), 'auth');
  await pollUntil('a login', 20_000, () => createSession(auth).catch(() => undefined));
  const lost = await set.primary();
  await lost.killed();
  const successor = await set.untilFailedOver(lost);
  await set.untilAllName(successor);
  const begun = await pollUntil('a login after the failover', 20_000, () => createSession(auth).catch(() => undefined));

  // The far side: the old primary, a Sentinel that names it, and two replicas beyond the cut which follow it still.
  // At another address, where the Sentinels of this side don't find it.
  await using old = await startFarPrimary(set, lost);
  await using own = await startSentinelBeside(set, old);
  const admin = old.admin();
  await admin.config('SET', 'repl-timeout', '120', 'min-replicas-max-lag', '6');
  await using first = await startReplica(set, old, 'first');
  await using second = await startReplica(set, old, 'second');
  const countGood = async () =>
    Number(/min_slaves_good_slaves:(\d+)/.exec(await admin.info('replication'))?.[1] ?? Number.NaN);
  await pollUntil('two replicas', 20_000, async () => (await countGood()) === 2);

  const sentinels = { own: own.endpoint, others: set.sentinels.slice(0, 2).map(({ endpoint }) => endpoint) };
  const orders = allOrders();
  await using ways = new AsyncDisposableStack();
  const openAll = () => Promise.all(orders.map((order) => openFarSide(set, ways, order, sentinels)));
  // Some have asked the old primary while it was one, and some begin when it is cut off.
  const before = await openAll();
  await pollUntil('all connected', 30_000, async () => {
    await Promise.all(before.map(({ store }) => store.ping()));
    return true;
  });
  for (const replica of [first, second]) {
    replica.relay.hold();
    await pollUntil('a confirmation on its way', 10_000, () => replica.relay.heldBytes > 0);
    await replica.stop();
  }
  await pollUntil('a primary alone', 20_000, async () => (await countGood()) === 0);
  await pollUntil('nobody who asks it', 20_000, async () => {
    const asked = await Promise.all(
      before.map(({ store }) =>
        store.ping().then(
          () => true,
          () => false,
        ),
      ),
    );
    return !asked.includes(true);
  });
  const sides = [...before, ...(await openAll())];
  for (const { relays } of sides) for (const relay of relays) relay.hold();

  const asking = new AbortController();
  const asked = sides.map((side) => side.ask(begun, asking.signal));
  const untilAnswered = async (what: string) => {
    const goals = sides.map(({ outcomes }) => outcomes.length + ANSWERS);
    await pollUntil(`answers ${what}`, 60_000, () =>
      sides.every(({ outcomes }, index) => outcomes.length >= (goals[index] as number)),
    );
  };
  for (const [part, replica] of [undefined, first, second].entries()) {
    if (replica) {
      replica.relay.deliver();
      await pollUntil('a replica that seems to be there', 10_000, async () => (await countGood()) > 0);
      await untilAnswered(`after replica ${part}`);
    }
    for (let place = 0; place < 3; place += 1) {
      for (const { order, relays } of sides) if (order.parts[place] === part) relays[place]?.release();
      await untilAnswered(`in part ${part}`);
    }
  }
  await pollUntil('everybody who knows', 30_000, () => sides.every(({ outcomes }) => outcomes.at(-1) === 'active'));
  asking.abort();
  await Promise.all(asked);
  const wrong = sides.flatMap(({ order, outcomes }) => {
    const others = outcomes.filter((outcome) => outcome !== 'active' && outcome !== 'store-unavailable');
    return others.length > 0 ? [{ ...order, others: others.length, such: others[0] }] : [];
  });
  expect(wrong).toEqual([]);
  expect(sides).toHaveLength(60);
}, 240_000);

/** Which Sentinel comes back first, second and third, and in which part of the repair: before, between or after the two replicas. */
interface Order {
  names: readonly ('own' | 'other')[];
  parts: readonly number[];
}

function allOrders(): Order[] {
  const orders: Order[] = [];
  for (let ownAt = 0; ownAt < 3; ownAt += 1) {
    const names = [0, 1, 2].map((place) => (place === ownAt ? ('own' as const) : ('other' as const)));
    for (let a = 0; a < 3; a += 1)
      for (let b = a; b < 3; b += 1) for (let c = b; c < 3; c += 1) orders.push({ names, parts: [a, b, c] });
  }
  return orders;
}

/** A service there, with a way of its own to each Sentinel. */
async function openFarSide(
  set: TestRedisSet,
  ways: AsyncDisposableStack,
  order: Order,
  { own, others }: { own: RedisEndpoint; others: readonly RedisEndpoint[] },
) {
  const rest = [...others];
  const targets = order.names.map((name) => (name === 'own' ? own : (rest.shift() as RedisEndpoint)));
  const relays = await Promise.all(targets.map((target) => TcpRelay.start(target)));
  for (const relay of relays) ways.use(relay);
  relays.forEach((relay, place) => {
    if (order.names[place] === 'other') relay.hold();
  });
  const sentinels = relays.map(({ endpoint }) => endpoint);
  const store = openStore(set.configFor('validator', 1000, sentinels), 'validator', { retryBudgetMs: 300 });
  const outcomes: string[] = [];
  const ask = async (token: Awaited<ReturnType<typeof createSession>>, signal: AbortSignal) => {
    while (!signal.aborted) {
      const outcome = await store.validate(token).then(
        ({ outcome }) => outcome as string,
        ({ code }) => code as string,
      );
      outcomes.push(outcome);
      await delay(50);
    }
  };
  return { order, relays, store, outcomes, ask };
}

/** The primary that was lost, with the data it had. */
async function startFarPrimary(set: TestRedisSet, lost: TestRedisNode) {
  const endpoint = { host: '127.0.0.1', port: await reservePort() };
  const folder = join(set.folder, 'far-primary');
  await cp(lost.node.folder, folder, { recursive: true });
  const options = { ...endpoint, name: 'far-primary', folder, users: set.users, extraUsers: [testAdmin] };
  const node = new TestRedisNode(new RedisNode({ ...options, replicated: true }));
  await node.start();
  return Object.assign(node, { [Symbol.asyncDispose]: () => node.close() });
}

/** A replica that follows through a way which can be cut. */
async function startReplica(set: TestRedisSet, primary: RedisEndpoint, name: string) {
  const relay = await TcpRelay.start(primary);
  const endpoint = { host: '127.0.0.1', port: await reservePort() };
  const folder = join(set.folder, `replica-${name}`);
  const node = new RedisNode({ ...endpoint, name, folder, users: set.users, replicated: true });
  await node.start(relay.endpoint);
  await node.untilReady();
  return {
    relay,
    stop: () => node.process?.stop('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      await node.process?.stop('SIGKILL');
      await relay[Symbol.asyncDispose]();
    },
  };
}

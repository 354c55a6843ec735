import { MOST_SESSIONS_PER_USER } from '../../services/session/src/session-limits.ts';
import { ArmProcess } from './arm-process.ts';
import { type CallTimes, timeCalls } from './call-times.ts';
import { GreedyUser } from './greedy-user.ts';
import { LoadGenerator } from './load-generator.ts';
import type { LoadOrder } from './load-order.ts';
import { SERVICE_CORE } from './pin.ts';
import { type RedisPair, startRedisPair } from './redis-pair.ts';
import { type GreedyUserResults, summarizeValues } from './results.ts';

/** As in `--loads`. */
export const GREEDY_USER = 'greedy-user';

const OTHER_USERS = 50_000;
const DURATION_MS = 2000;
const SETTLE_MS = 300;

export interface GreedyUserOptions {
  redis: RedisPair;
  generator: LoadGenerator;
  secret: string;
  /** The others' sessions, one header a line and one a user. */
  file: string;
  sessions: number;
  rounds: number;
  say(text: string): void;
}

/**
 * One user at the hard limit of sessions: what the others notice of them, and what each call takes Redis by itself.
 * That user's service, and Redis, also take processor time from the others' service and from the generator. So the
 * others are measured three times: alone, while the user asks a Redis of its own on the same cores, and while the
 * user asks theirs. The last two differ only in who waits for that user's calls.
 */
export async function measureGreedyUser(options: GreedyUserOptions): Promise<GreedyUserResults> {
  const { redis, generator, secret, file, sessions, rounds, say } = options;
  await using stack = new AsyncDisposableStack();
  const settings = { ...redis.settings, secret };
  const { port } = stack.use(await ArmProcess.start('holdfast', settings, SERVICE_CORE));
  const loginGenerator = stack.use(new LoadGenerator());
  const greedy = stack.use(await GreedyUser.open(settings));
  const elsewhere = stack.use(await startRedisPair());
  const greedyElsewhere = stack.use(await GreedyUser.open({ ...elsewhere.settings, secret }));
  const admin = redis.primary.admin();
  const users = Math.min(OTHER_USERS, sessions);
  // Far from what the service can do, so that nobody waits for anything but the greedy user.
  const orders = {
    validations: { connections: 64, requestsPerSecond: 2000, load: { kind: 'each', path: '/me', file, limit: users } },
    'logins and logouts': { connections: 8, requestsPerSecond: 200, load: { kind: 'login-then', path: '/session' } },
  } as const satisfies Record<string, Partial<LoadOrder>>;
  type Title = keyof typeof orders;
  const titles = Object.keys(orders) as Title[];
  const measureOthers = async (round: number): Promise<Record<Title, number>> => {
    const rest = { ports: [port], durationMs: DURATION_MS, settleMs: SETTLE_MS, offset: (round + 1) * 313 };
    const [validations, logins] = await Promise.all([
      generator.run({ ...rest, ...orders.validations }),
      loginGenerator.run({ ...rest, ...orders['logins and logouts'] }),
    ]);
    if (validations.failed + logins.failed > 0) throw new Error('requests of the others failed');
    for (const [status, count] of Object.entries({ ...validations.statuses, ...logins.statuses })) {
      if (!['200', '201', '204'].includes(status)) throw new Error(`${count} of the others' requests were ${status}`);
    }
    return { validations: validations.p99Ms, 'logins and logouts': logins.p99Ms };
  };
  const measureBeside = async (user: GreedyUser, round: number) => {
    await user.fill();
    let stopped = false;
    const beGreedy = async () => {
      while (!stopped) {
        for (const deed of Object.values(user.deeds)) await deed();
        await user.fill();
      }
    };
    const measured = measureOthers(round).finally(() => {
      stopped = true;
    });
    return (await Promise.all([measured, beGreedy()]))[0];
  };

  const without: Record<Title, number>[] = [];
  const besideElsewhere: Record<Title, number>[] = [];
  const beside: Record<Title, number>[] = [];
  const times = new Map(Object.keys(greedy.deeds).map((name) => [name, [] as CallTimes[]]));
  // The first round warms up and is not counted.
  for (let round = -1; round < rounds; round++) {
    const arms = [
      async () => without.push(await measureOthers(round)),
      async () => besideElsewhere.push(await measureBeside(greedyElsewhere, round)),
      async () => beside.push(await measureBeside(greedy, round)),
    ];
    // The first and the last change places in every second round.
    for (const arm of round % 2 === 0 ? arms : arms.toReversed()) await arm();
    await greedy.fill();
    for (const [name, deed] of Object.entries(greedy.deeds)) {
      const timed = await timeCalls(admin, deed);
      if (round >= 0) times.get(name)?.push(timed);
    }
    if (round < 0) {
      for (const rounds of [without, besideElsewhere, beside]) rounds.length = 0;
      continue;
    }
    const told = titles.map(
      (title) =>
        `${title} ${[without, besideElsewhere, beside].map((rounds) => rounds[round]?.[title].toFixed(2)).join(' → ')} ms`,
    );
    say(`${GREEDY_USER} ${round + 1}/${rounds}: p99 of ${told.join(', of ')}`);
  }
  return {
    title: `one user with ${MOST_SESSIONS_PER_USER} sessions beside ${users.toLocaleString('en-US')} others`,
    measuredAt: new Date().toISOString(),
    rounds,
    others: titles.map((title) => ({
      title: `${title}, ${orders[title].requestsPerSecond.toLocaleString('en-US')} requests/s`,
      p99Without: summarizeValues(without.map((round) => round[title])),
      p99BesideElsewhere: summarizeValues(besideElsewhere.map((round) => round[title])),
      p99Beside: summarizeValues(beside.map((round) => round[title])),
      moreMs: summarizeValues(beside.map((round, index) => round[title] - (besideElsewhere[index]?.[title] ?? 0))),
    })),
    calls: [...times].map(([title, rounds]) => ({
      title,
      count: rounds.reduce((sum, { calls }) => sum + calls, 0),
      micros: summarizeValues(rounds.map(({ micros }) => micros)),
      longestMicros: summarizeValues(rounds.map(({ longestMicros }) => longestMicros)),
    })),
  };
}

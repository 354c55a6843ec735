import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { Bench } from './bench.ts';
import { measureGrowth } from './growth.ts';
import { keepResults } from './keep-results.ts';
import { measureLeak } from './leak.ts';
import { LoadGenerator } from './load-generator.ts';
import { describeMachine, describeVersions } from './machine.ts';
import { GREEDY_USER, measureGreedyUser } from './measure-greedy-user.ts';
import { checkRatios, describeRatios } from './must-reach.ts';
import { canPin } from './pin.ts';
import { loads, quickLoads } from './plan.ts';
import { startRedisPair } from './redis-pair.ts';
import { printTables } from './report.ts';
import type { Results } from './results.ts';

const help = `npm run bench -- [options]
  --quick             the main row of each arm and what the ratios need, in under 4 minutes
  --loads a,b         only these: ${[...loads.map(({ name }) => name), GREEDY_USER].join(', ')}
  --arms a,b          only these arms
  --rounds N          default 5, with --quick 3
  --sessions N        default 100000
  --growth            only memory and latency at 10 thousand, 100 thousand and 1 million sessions
  --leak              only whether a service grows with its requests
  --save              keep the results in tests/load/results, and in the README's table
The last line is the ratios that must be reached; one that is missed makes the exit code 1.`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    loads: { type: 'string' },
    arms: { type: 'string' },
    rounds: { type: 'string' },
    sessions: { type: 'string', default: '100000' },
    growth: { type: 'boolean', default: false },
    leak: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const chosenLoads = values.loads?.split(',');
const chosenArms = values.arms?.split(',');
const special = values.growth || values.leak;
const plans = (values.quick ? quickLoads : loads)
  .filter(({ name }) => !special && (chosenLoads?.includes(name) ?? true))
  .map((load) => ({ ...load, arms: load.arms.filter((name) => chosenArms?.includes(name) ?? true) }))
  .filter((load) => load.arms.length > 0);
// Beside no arm but Holdfast's own.
const withGreedyUser =
  !special && (chosenLoads?.includes(GREEDY_USER) ?? true) && (chosenArms?.includes('holdfast') ?? true);
if (plans.length === 0 && !special && !withGreedyUser) throw new Error(`nothing to measure.\n${help}`);

await using stack = new AsyncDisposableStack();
const folder = stack.use(await createTemporaryFolder('bench'));
const redis = stack.use(await startRedisPair());
const sessions = Number(values.sessions);
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
const elapsed = () => new Date(performance.now()).toISOString().slice(14, 19);
const say = (text: string) => console.error(`${elapsed()} ${text}`);
const secret = randomBytes(32).toString('base64url');
const generator = stack.use(new LoadGenerator());
const bench = new Bench({ redis, generator, secret, folder: folder.path, sessions, rounds, say });

const results: Results = {
  machine: describeMachine(),
  versions: await describeVersions(redis.primary.admin()),
  pinning: canPin
    ? 'the service on core 0; Redis, its replica and the load generator on core 1'
    : 'none: this machine has no taskset, or one core',
  sessions,
  bytesPerSession: await bench.seed(
    new Set([...plans.flatMap((load) => load.arms), ...(withGreedyUser ? ['holdfast'] : [])]),
  ),
  loads: [],
};
const failed: string[] = [];
for (const [index, plan] of plans.entries()) {
  say(`load ${index + 1} of ${plans.length}: ${plan.title}`);
  try {
    results.loads.push(await bench.measure(plan));
  } catch (error) {
    // The loads before it took minutes, and are as good without it.
    console.error(error);
    failed.push(plan.name);
  }
}
if (withGreedyUser) {
  say('one user at the limit of sessions');
  const file = bench.sessionsOf('holdfast');
  try {
    results.greedyUser = await measureGreedyUser({ redis, generator, secret, file, sessions, rounds, say });
  } catch (error) {
    console.error(error);
    failed.push(GREEDY_USER);
  }
}
if (values.leak) {
  await bench.seed(new Set(['holdfast']));
  const options = {
    redis,
    generator,
    secret,
    file: bench.sessionsOf('holdfast'),
    steps: 6,
    requestsPerStep: 300_000,
    say,
  };
  results.leak = {};
  for (const arm of ['holdfast', 'holdfast-cached']) results.leak[arm] = await measureLeak(arm, options);
}
if (values.growth) {
  const steps = [10_000, 100_000, 1_000_000];
  results.growth = await measureGrowth({ redis, generator, secret, folder: folder.path, steps, say });
}

console.log(printTables(results));
if (values.save) await keepResults(results);
const ratios = checkRatios(results);
process.exitCode = failed.length === 0 && ratios.every(({ reached }) => reached) ? 0 : 1;
if (failed.length > 0) console.log(`failed, see above: ${failed.join(', ')}`);
console.log(describeRatios(ratios));

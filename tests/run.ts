import { parseCLI, startVitest, type TestCase, type Vitest } from 'vitest/node';
import { longTests } from './long-tests.ts';

/**
 * `npm test`: runs the whole suite, or what the arguments choose as for `vitest run` (`npm test -- --project unit`).
 * Names every test that did not run with its reason, and ends with the one line that counts them all.
 */
const args = process.argv.slice(2);
/** A choice of one's own may include what is left out of a whole run. */
const whole = args.length === 0;
const { filter, options } = parseCLI(['vitest', 'run', ...args, ...(whole ? ['--project', '!cluster-long'] : [])]);
const vitest = await startVitest('test', filter, { ...options, watch: false, run: true });
const outcome = summarize(vitest);
const longReason = 'too long for every run: npm test -- --project cluster-long';
if (whole) outcome.skipped.push(...longTests.map((name) => ({ name, reason: longReason })));
await vitest.close();

for (const { name, reason } of outcome.skipped) console.log(`skipped: ${name}: ${reason}`);
for (const name of outcome.failedSetups) console.log(`failed to run: ${name}`);
console.log(`${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped.length} skipped`);
process.exit(outcome.failed === 0 && outcome.passed > 0 && !process.exitCode ? 0 : 1);

function summarize(run: Vitest) {
  const modules = run.state.getTestModules();
  const cases = modules.flatMap((module) => [...module.children.allTests()]);
  const count = (state: 'passed' | 'failed') => cases.filter((test) => test.result().state === state).length;
  // A file that can't be loaded, or a group whose set-up fails, has no test that could fail for it.
  const failedSetups = modules.flatMap((module) => [
    ...(module.errors().length > 0 ? [module.moduleId] : []),
    ...[...module.children.allSuites()].filter((suite) => suite.errors().length > 0).map((suite) => suite.fullName),
  ]);
  const strayErrors = run.state.getUnhandledErrors().length;
  return {
    passed: count('passed'),
    failed: count('failed') + failedSetups.length + strayErrors,
    skipped: cases.filter((test) => !['passed', 'failed'].includes(test.result().state)).map(describeSkip),
    failedSetups,
  };
}

function describeSkip(test: TestCase) {
  const result = test.result();
  const reason = result.state === 'skipped' ? result.note : undefined;
  return {
    name: `${test.project.name} › ${test.fullName}`,
    reason: reason ?? 'see above: its set-up did not get this far',
  };
}

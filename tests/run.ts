import { parseCLI, startVitest, type TestCase, type Vitest, type VitestPluginContext } from 'vitest/node';
import { longTests } from './long-tests.ts';

/**
 * `npm test`: runs the whole suite, or what the arguments choose as for `vitest run` (`npm test -- --project unit`).
 * Names every test that did not run with its reason, then every failure with what it said (a reader of the last lines
 * alone must know what broke), and ends with the one line that counts them all. Told to end (Ctrl+C, SIGTERM) it begins no
 * further test and takes down what it brought up.
 */
const args = process.argv.slice(2);
/** A choice of one's own may include what is left out of a whole run. */
const whole = args.length === 0;
const { filter, options } = parseCLI(['vitest', 'run', ...args, ...(whole ? ['--project', '!cluster-long'] : [])]);
const endEarly = { name: 'end-early', configureVitest };
let endedBy: string | undefined;
const vitest = await startVitest('test', filter, { ...options, watch: false, run: true }, { plugins: [endEarly] });
const outcome = summarize(vitest);
const longReason = 'too long for every run: npm test -- --project cluster-long';
if (whole) outcome.skipped.push(...longTests.map((name) => ({ name, reason: longReason })));
await vitest.close();

for (const { name, reason } of outcome.skipped) console.log(`skipped: ${name}: ${reason}`);
for (const { name, message } of outcome.failures) console.log(`failed: ${name}: ${message}`);
console.log(`${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped.length} skipped`);
process.exit(outcome.failed === 0 && outcome.passed > 0 && !process.exitCode ? 0 : 1);

function configureVitest({ vitest: run }: VitestPluginContext): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Vitest's own would exit at once, with the cluster up.
    process.removeAllListeners(signal);
    process.on(signal, () => {
      console.log(`${signal}: the test that runs is the last, then what was brought up is taken down`);
      process.exitCode = 1;
      endedBy = signal;
      void run.cancelCurrentRun('keyboard-input');
    });
  }
}

function summarize(run: Vitest) {
  const modules = run.state.getTestModules();
  const cases = modules.flatMap((module) => [...module.children.allTests()]);
  const failures = [
    ...cases.flatMap((test) => describeFailure(`${test.project.name} › ${test.fullName}`, test.result().errors)),
    // A file that can't be loaded, or a group whose set-up fails, has no test that could fail for it.
    ...modules.flatMap((module) => describeFailure(module.moduleId, module.errors())),
    ...modules.flatMap((module) =>
      [...module.children.allSuites()].flatMap((suite) => describeFailure(suite.fullName, suite.errors())),
    ),
    ...run.state.getUnhandledErrors().flatMap((error) => describeFailure('outside of any test', [error as Error])),
  ];
  return {
    passed: cases.filter((test) => test.result().state === 'passed').length,
    failed: failures.length,
    skipped: cases.filter((test) => !['passed', 'failed'].includes(test.result().state)).map(describeSkip),
    failures,
  };
}

function describeFailure(name: string, errors: readonly { message: string }[] = []) {
  const message = errors.map((error) => error.message).join('\n');
  return errors.length === 0 ? [] : [{ name, message: message.slice(0, 1500) }];
}

function describeSkip(test: TestCase) {
  const result = test.result();
  const reason = result.state === 'skipped' ? result.note : undefined;
  return {
    name: `${test.project.name} › ${test.fullName}`,
    reason: reason ?? (endedBy ? `ended by ${endedBy}` : 'see above: its set-up did not get this far'),
  };
}

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { allScenarios } from './all-scenarios.ts';
import { confirmTarget } from './confirm-target.ts';
import { describeScenarios } from './describe-scenarios.ts';
import { DrillUsageError, parseDrillArguments } from './drill-arguments.ts';

const foreign = ['primary-deleted', '--context', 'staging', '--namespace', 'shop', '--release', 'holdfast'];

test('all is all of them, and names are taken in the order in which they break least', () => {
  expect(parseDrillArguments(['all']).scenarios).toEqual(allScenarios);
  const { scenarios, runs } = parseDrillArguments(['node-lost', 'primary-killed', '--runs', '5']);
  expect([scenarios.map(({ name }) => name), runs]).toEqual([['primary-killed', 'node-lost'], 5]);
});

test.each([
  [[], 'usage:'],
  [['no-such'], 'no scenario no-such: it is one of primary-deleted,'],
  [['all', '--runs', '0'], '--runs is a whole number'],
  [['all', '--frequency', '2'], '--frequency'],
  [['all', '--context', 'staging'], '--context needs --namespace and --release'],
  [['all', '--namespace', 'shop'], 'belong together'],
])('%j is refused, with what to do', (args, message) => {
  expect(() => parseDrillArguments(args)).toThrow(DrillUsageError);
  expect(() => parseDrillArguments(args)).toThrow(message);
});

test('every scenario is explained, and says where it can’t be run', () => {
  const list = describeScenarios(allScenarios);
  for (const { name } of allScenarios) expect(list).toMatch(new RegExp(`^${name}$`, 'm'));
  expect(list.match(/Needs access to the nodes/g)).toHaveLength(2);
});

test('nothing is broken in a cluster of somebody else’s without an answer at the terminal', async () => {
  const given = parseDrillArguments(foreign);
  await expect(confirmTarget(given, terminal('staging\n', false))).rejects.toThrow('There is no terminal to ask at');
  await expect(confirmTarget(given, terminal('yes\n'))).rejects.toThrow('Nothing was touched');
  await expect(confirmTarget(given, terminal('\n'))).rejects.toThrow('Nothing was touched');
  await confirmTarget(given, terminal('staging\n'));
  await confirmTarget(parseDrillArguments([...foreign, '--yes']), terminal('', false));
});

test('the question says what will be broken, and where', async () => {
  const streams = terminal('staging\n');
  const asked = text(streams.stdout);
  await confirmTarget(parseDrillArguments(foreign), streams);
  streams.stdout.end();
  expect(await asked).toMatch(/release holdfast in namespace shop of context staging[\s\S]*pod is deleted/);
});

function terminal(typed: string, isTTY = true) {
  const stdin = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.ReadStream;
  const stdout = new PassThrough() as unknown as NodeJS.WriteStream;
  (stdin as unknown as PassThrough).write(typed);
  return { stdin, stdout };
}

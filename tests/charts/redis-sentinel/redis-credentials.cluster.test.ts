import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster, Release } from './cluster-release.ts';
import { createLedgerPod, describeReport } from './ledger-pod.ts';

const reason = await missingCluster();
const users = ['auth', 'validator', 'replica', 'sentinel', 'probe'];

describe.skipIf(reason !== undefined)(`passwords${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  const release = new Release('passwords');
  let ledger: Awaited<ReturnType<typeof createLedgerPod>>;

  const password = async (user: string) =>
    Buffer.from(
      await release.kubectl('get', 'secret', `${release.fullName}-${user}`, '-o', 'jsonpath={.data.password}'),
      'base64',
    ).toString();
  const restarts = async () =>
    [...(await release.pods('redis')), ...(await release.pods('sentinel'))].map(
      ({ metadata, status }) => `${metadata.uid} ${status.containerStatuses?.[0]?.restartCount}`,
    );

  beforeAll(async () => {
    await release.install();
    ledger = await createLedgerPod(release);
  }, 300_000);
  afterAll(() => release[Symbol.asyncDispose]());

  test('are kept over an upgrade', async () => {
    const before = await Promise.all(users.map(password));
    await release.upgrade('commonLabels.team=platform');
    expect(await Promise.all(users.map(password))).toEqual(before);
    expect(new Set(before).size).toBe(users.length);
  }, 240_000);

  test('of all users are rotated without a failed command, a failed login or a restart', async () => {
    const before = await Promise.all(users.map(password));
    const podsBefore = await restarts();
    const running = await ledger.start();
    await release.upgrade('commonLabels.team=platform', ...users.map((user) => `users.${user}.generation=2`));
    const after = await Promise.all(users.map(password));
    for (const [index, old] of before.entries()) expect(after[index]).not.toBe(old);
    // The kubelet brings the change to each pod in its own time, a minute or so.
    for (const pod of await release.pods('redis'))
      await pollUntil(
        `${pod.metadata.name} with the new passwords`,
        180_000,
        async () => (await release.said(pod.metadata.name)).includes('loaded changed credentials'),
        1000,
      );
    for (const pod of await release.pods('sentinel'))
      await pollUntil(
        `${pod.metadata.name} with the new passwords`,
        180_000,
        async () => (await release.said(pod.metadata.name, 'sentinel')).includes('restarting with changed credentials'),
        1000,
      );
    await pollUntil(
      'the client with the new password',
      180_000,
      async () => (await release.kubectl('exec', 'ledger', '--', 'cat', '/secrets/password')) === after[0],
      1000,
    );
    await release.untilReady();
    const report = await running.stop();
    console.log(describeReport('passwords of all users rotated', report));
    const { lost, failures, failedLogins } = report;
    // Not toMatchObject, to which any object is like an empty one.
    expect({ lost, failures, failedLogins }).toEqual({ lost: [], failures: {}, failedLogins: {} });
    expect(await restarts()).toEqual(podsBefore);
  }, 420_000);

  test('that were rotated twice are refused', async () => {
    const [current] = await Promise.all([password('auth')]);
    const ask = async (word: string) =>
      (
        await release.kubectl(
          'exec',
          `${release.fullName}-redis-0`,
          '-c',
          'redis',
          '--',
          'sh',
          '-c',
          `c=$(command -v valkey-cli || command -v redis-cli); REDISCLI_AUTH=${word} $c -s /run/holdfast/redis.sock --user auth ping 2>&1`,
        )
      ).trim();
    expect(await ask(current as string)).toBe('PONG');
    await release.upgrade(
      'commonLabels.team=platform',
      ...users.map((user) => `users.${user}.generation=${user === 'auth' ? 4 : 2}`),
    );
    await pollUntil(
      'the old password refused',
      180_000,
      async () => (await ask(current as string)).includes('WRONGPASS'),
      1000,
    );
    expect(await ask(await password('auth'))).toBe('PONG');
  }, 300_000);

  test('of replicas and Sentinels in force: a primary’s end after the rotation is survived', async () => {
    const before = await release.primary();
    await release.kubectl('delete', 'pod', before);
    await pollUntil('another primary', 30_000, async () => (await release.namedPrimary())?.pod !== before, 500);
    await release.untilReady();
  }, 180_000);
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LoginLimitConfig } from '../../services/auth/src/login-limits.ts';
import { hashPassword } from '../../services/auth/src/password-hash.ts';
import { createUserDirectory } from '../../services/auth/src/user-directory.ts';
import { createTestAuth } from '../support/auth-app.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const SAMPLES = 60;
/** Of the rank sum below. Samples of one distribution are beyond it once in 15,000 times. */
const SUSPICIOUS = 4;

const generous = {
  perAccount: 10_000,
  perDay: 40_000,
  inARow: 40_000,
  perAddress: 100_000,
  windowMs: 60_000,
  successesPerMinute: 1000,
};
/** One whose costs differ: older hashes are cheaper. */
const cheap = { memoryKiB: 4096, passes: 1, parallelism: 1 };
const dear = { memoryKiB: 16_384, passes: 2, parallelism: 1 };

test('how long a refusal takes does not tell who is a user, whatever that user’s hash costs', async () => {
  await using asked = await openAuth(generous);
  const times = await askInTurn(['nobody', 'old-hash', 'new-hash', 'no-one'], (username) => asked.refuse(username, {}));
  for (const known of ['old-hash', 'new-hash', 'no-one']) expectAlike(times, 'nobody', known);
}, 300_000);

test('nor do forged device cookies, also while the address is locked', async () => {
  await using asked = await openAuth({ ...generous, perAddress: 1 });
  const forged = `${'A'.repeat(22)}.${'A'.repeat(43)}`;
  const cookie = Array.from({ length: 170 }, () => `__Host-hf-device=${forged}`).join('; ');
  expect(await asked.refuse('anybody', { cookie })).toBe(401);
  const times = await askInTurn(['nobody', 'old-hash', 'no-one'], async (username) => {
    expect(await asked.refuse(username, { cookie })).toBe(429);
  });
  for (const other of ['old-hash', 'no-one']) expectAlike(times, 'nobody', other);
}, 300_000);

async function openAuth(loginLimits: LoginLimitConfig) {
  const folder = await createTemporaryFolder('login-timing');
  const users = await Promise.all(
    [cheap, dear].map(async (cost, index) => ({
      id: `user-${index}`,
      username: index === 0 ? 'old-hash' : 'new-hash',
      passwordHash: await hashPassword('right', cost),
    })),
  );
  await writeFile(join(folder.path, 'users.json'), JSON.stringify(users));
  const directory = createUserDirectory(join(folder.path, 'users.json'));
  const auth = await createTestAuth({ loginLimits }, {}, { users: directory });
  return {
    refuse: async (username: string, headers: Record<string, string>) => {
      const body = { username, password: 'wrong' };
      return (await auth.ask('POST', '/v1/sessions', { body, headers })).status;
    },
    [Symbol.asyncDispose]: async () => {
      directory.close();
      await auth[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Milliseconds of each; one after the other, so that whatever else the machine does slows all of them. */
async function askInTurn(usernames: readonly string[], ask: (username: string) => Promise<unknown>) {
  const times = new Map(usernames.map((username) => [username, [] as number[]]));
  for (let sample = -5; sample < SAMPLES; sample++) {
    for (const username of usernames) {
      const startedAt = performance.now();
      await ask(username);
      if (sample >= 0) times.get(username)?.push(performance.now() - startedAt);
    }
  }
  return times;
}

/** The rank-sum test of Mann and Whitney, as a number of standard deviations. */
function expectAlike(times: ReadonlyMap<string, number[]>, one: string, other: string): void {
  const [a, b] = [times.get(one) ?? [], times.get(other) ?? []];
  const wins = a.reduce((sum, x) => sum + b.reduce((count, y) => count + (x > y ? 1 : x === y ? 0.5 : 0), 0), 0);
  const [n, m] = [a.length, b.length];
  const deviations = (wins - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12);
  const median = (values: number[]) => values.toSorted((x, y) => x - y)[values.length >> 1]?.toFixed(2);
  console.log(`${one} ${median(a)} ms, ${other} ${median(b)} ms: ${deviations.toFixed(2)} standard deviations`);
  expect(Math.abs(deviations), `${one} and ${other} take ${median(a)} and ${median(b)} ms`).toBeLessThan(SUSPICIOUS);
}

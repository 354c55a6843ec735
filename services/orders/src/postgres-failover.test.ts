import { expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { startPostgresPair, type TestPostgresPair } from '../../../tests/support/postgres-pair.ts';
import { createDatabase } from './create-database.ts';
import { migrate } from './migrate.ts';
import { createOrderRepository } from './order-repository.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';

const USER = 'somebody';

test.each<[string, (pair: TestPostgresPair) => Promise<void>]>([
  ['crashes', (pair) => pair.primary.stop('SIGQUIT')],
  ['stops in order', (pair) => pair.primary.stop()],
  ['hangs with its connections open', async (pair) => pair.primary.freeze(true)],
])(
  'where the primary %s and the standby takes over, no order that was confirmed is lost, and orders goes on without a restart',
  async (_, lose) => {
    await using pair = await startPostgresPair();
    const target = parseDatabaseUrl(pair.url);
    await migrate(target);
    const database = createDatabase({ target: { current: target }, poolSize: 5, timeoutMs: 800 });
    try {
      const orders = createOrderRepository(database);
      const confirmed: string[] = [];
      const refusals: string[] = [];
      let isOver = false;
      const place = async () => {
        while (!isOver) {
          const placed = orders.create(USER, { sku: 'a', quantity: 1 }, crypto.randomUUID());
          await placed.then(
            ({ order }) => confirmed.push(order.id),
            ({ code }) => refusals.push(code),
          );
        }
      };
      const placing = Promise.all(Array.from({ length: 4 }, place));
      await pollUntil('orders', 20_000, () => confirmed.length >= 100);
      await lose(pair);
      await pair.promote();
      const before = confirmed.length;
      await pollUntil('orders at the new primary', 20_000, () => confirmed.length >= before + 100);
      isOver = true;
      await placing;
      const lost: string[] = [];
      for (const id of confirmed) {
        const found = await pollUntil('an answer', 10_000, () => orders.find(USER, id).then((order) => [order]));
        if (!found[0]) lost.push(id);
      }
      expect(lost).toEqual([]);
      // Nobody was told anything else than that it can't be done now, or that it may have been done.
      expect(refusals.filter((code) => code !== 'store-unavailable' && code !== 'outcome-unknown')).toEqual([]);
    } finally {
      await database.close();
    }
  },
  90_000,
);

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Platform } from '../../services/local/src/platform.ts';
import { inspectPage } from '../support/browser/inspect-page.ts';
import { openBrowser } from '../support/browser/open-browser.ts';
import { signIn, siteOf } from '../support/browser/sign-in.ts';
import { pollUntil } from '../support/poll-until.ts';
import { requirePrimary, untilReplaced } from '../support/require-primary.ts';
import { startTestPlatform } from '../support/test-platform.ts';

test('a person goes on ordering while the replica that answers, then the Redis primary is killed', async (context) => {
  await using browser = await openBrowser(context);
  await using running = await startTestPlatform();
  const { platform } = running;
  const { page, context: profile } = await browser.visit();
  await signIn(page, platform);
  const cookie = (await profile.cookies()).find(({ name }) => name === '__Host-hf');
  await placeOrder(page, 'before');

  const answering = await readServedBy(page);
  platform.orders.find(({ name }) => name === answering)?.process?.kill('SIGKILL');
  platform.auth[0]?.process?.kill('SIGKILL');
  for (let round = 0; round < 4; round++) {
    await page.goto(`${siteOf(platform)}${round % 2 ? '/auth' : '/orders'}`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
      round % 2 ? 'Hello, alice' : 'Your orders',
    );
    expect(await readServedBy(page)).not.toBe(answering);
  }
  await page.goto(`${siteOf(platform)}/orders`);
  await placeOrder(page, 'without-a-replica');

  const primary = await requirePrimary(platform.redis);
  primary.process?.kill('SIGKILL');
  const replaced = untilReplaced(platform.redis, primary);
  let over = false;
  replaced.then(
    () => {
      over = true;
    },
    () => {},
  );
  const seen = new Set<string>();
  while (!over) {
    await page.goto(`${siteOf(platform)}/orders`);
    seen.add((await page.getByRole('heading', { level: 1 }).textContent()) ?? '');
  }
  await replaced;
  // An answer, or the plain truth; never the sign-in page.
  expect([...seen].filter((title) => !['Your orders', 'We’ll be right back'].includes(title))).toEqual([]);
  await untilBack(page, platform, '/orders');
  await placeOrder(page, 'with-a-new-primary');
  expect(await page.getByRole('listitem').getByRole('heading').allTextContents()).toEqual([
    'with-a-new-primary',
    'without-a-replica',
    'before',
  ]);
  const after = (await profile.cookies()).find(({ name }) => name === '__Host-hf');
  expect(after?.value === cookie?.value).toBe(true);
}, 180_000);

test('with every Redis gone no page says what nobody can know, nobody is signed out, and the page comes back by itself', async (context) => {
  await using browser = await openBrowser(context);
  await using running = await startTestPlatform();
  const { platform } = running;
  const { page, context: profile } = await browser.visit();
  await signIn(page, platform, '/auth');
  for (const node of platform.redis.nodes) node.process?.kill('SIGKILL');
  await Promise.all(platform.redis.nodes.map((node) => node.process?.exited));

  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'We couldn’t confirm that you are signed out' }).waitFor();
  await page.getByText('Try again before you leave this device.').waitFor();
  await inspectPage(page, 'sign-out-unconfirmed');
  const response = await page.goto(`${siteOf(platform)}/auth`);
  expect([response?.status(), response?.headers()['retry-after']]).toEqual([503, '1']);
  await page.getByText('This does not sign you out.').waitFor();
  expect((await profile.cookies()).some(({ name }) => name === '__Host-hf')).toBe(true);

  await Promise.all(platform.redis.nodes.map((node) => platform.redis.startNode(node)));
  // Nobody touches the page.
  await page.getByRole('heading', { name: 'Hello, alice' }).waitFor({ timeout: 60_000 });
}, 180_000);

/** Once more by the error page's own button where the answer is "try again". */
async function placeOrder(page: Page, article: string): Promise<void> {
  const placed = page.getByRole('heading', { name: article });
  const again = page.getByRole('button', { name: 'Try again' });
  await page.getByLabel('Article').fill(article);
  await page.getByRole('button', { name: 'Place order' }).click();
  await pollUntil(`${article} to be placed`, 30_000, async () => {
    await placed.or(again).first().waitFor();
    if (await again.isVisible()) await again.click();
    return placed.isVisible();
  });
}

async function readServedBy(page: Page): Promise<string> {
  return (await page.getByRole('contentinfo').locator('code').textContent()) ?? '';
}

async function untilBack(page: Page, platform: Platform, path: string): Promise<void> {
  await expect
    .poll(async () => (await page.goto(siteOf(platform) + path))?.status(), { timeout: 30_000, interval: 100 })
    .toBe(200);
}

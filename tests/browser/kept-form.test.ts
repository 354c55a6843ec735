import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { inspectPage } from '../support/browser/inspect-page.ts';
import { hasBrowser, openBrowser, type Visitor } from '../support/browser/open-browser.ts';
import { signIn, siteOf } from '../support/browser/sign-in.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startTestPlatform, type TestPlatform } from '../support/test-platform.ts';

let running: TestPlatform;
let site: string;
beforeAll(async () => {
  if (!hasBrowser()) return;
  running = await startTestPlatform();
  site = siteOf(running.platform);
});
afterAll(() => running?.[Symbol.asyncDispose]());
beforeEach(async () => {
  if (hasBrowser()) for (const service of running.platform.services) await service.untilReady();
});

async function typeOrder(page: Page, article: string): Promise<void> {
  await page.goto(`${site}/orders`);
  await page.getByLabel('Article').fill(article);
  await page.getByLabel('Quantity').fill('7');
}

/** Presses the one button until it is answered with something other than "try again". */
async function sendAgain(page: Page): Promise<void> {
  const again = page.getByRole('button', { name: 'Try again' });
  await pollUntil('an answer', 60_000, async () => {
    if (await again.isVisible()) await again.click();
    return (await again.isVisible()) === false;
  });
}

const countOrders = async (page: Page, article: string) => {
  await page.goto(`${site}/orders`);
  return page.getByRole('heading', { name: article }).count();
};

/** As from another of the person's devices. */
async function endSession(profile: BrowserContext): Promise<void> {
  const token = (await profile.cookies()).find(({ name }) => name === '__Host-hf')?.value ?? '';
  await pollUntil('the session to be ended', 10_000, async () => {
    const authorization = `Bearer ${token}`;
    const { status } = await fetch(`${running.platform.auth[0]?.url}/v1/session`, {
      method: 'DELETE',
      headers: { authorization },
    });
    return status === 204;
  });
}

async function enterPassword(page: Page, user: number): Promise<void> {
  const { username, password } = running.platform.state.users[user] as { username: string; password: string };
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('an order that is typed while every Redis is gone is kept on the page, and is placed once with one press', async (context) => {
  await using browser = await openBrowser(context);
  const { platform } = running;
  const { page } = await browser.visit();
  await signIn(page, platform);
  await typeOrder(page, 'typed-in-an-outage');
  const key = await page.locator('input[name=key]').inputValue();
  for (const node of platform.redis.nodes) node.process?.kill('SIGKILL');
  await Promise.all(platform.redis.nodes.map((node) => node.process?.exited));
  try {
    await page.getByRole('button', { name: 'Place order' }).click();
    await page.getByRole('heading', { name: 'Your order has not been placed yet' }).waitFor();
    expect(await page.getByRole('definition').allTextContents()).toEqual(['typed-in-an-outage', '7']);
    expect(await page.getByRole('main').getByRole('button').count()).toBe(1);
    expect(await page.locator('input[name=key]').inputValue()).toBe(key);
    await inspectPage(page, 'order-kept');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Your order has not been placed yet' }).waitFor();
  } finally {
    await Promise.all(platform.redis.nodes.map((node) => platform.redis.startNode(node)));
  }
  await sendAgain(page);
  await page.getByRole('status').getByText('Your order is placed.').waitFor();
  expect(await countOrders(page, 'typed-in-an-outage')).toBe(1);
}, 180_000);

test('an order that was sent when the session had ended is still there after signing in', async (context) => {
  await using browser = await openBrowser(context);
  // axe-core, which looks at the pages, is a script.
  for (const javaScriptEnabled of [true, false]) {
    const article = `typed-too-late-${javaScriptEnabled}`;
    await orderAfterSignIn(await browser.visit({ javaScriptEnabled }), article, javaScriptEnabled);
  }
}, 180_000);

async function orderAfterSignIn({ page, context: profile, requested }: Visitor, article: string, inspects: boolean) {
  const { platform } = running;
  await signIn(page, platform);
  await typeOrder(page, article);
  await endSession(profile);
  await page.getByRole('button', { name: 'Place order' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect((await profile.cookies()).find(({ name }) => name === '__Host-hf-form')).toMatchObject({
    httpOnly: true,
    secure: true,
    sameSite: 'Lax',
  });
  await enterPassword(page, 0);
  await page.getByRole('heading', { name: 'Your order has not been placed yet' }).waitFor();
  expect(await page.getByRole('definition').allTextContents()).toEqual([article, '7']);
  if (inspects) await inspectPage(page, 'order-after-sign-in');
  await page.getByRole('button', { name: 'Place order' }).click();
  await page.getByRole('status').getByText('Your order is placed.').waitFor();
  expect(await countOrders(page, article)).toBe(1);
  expect((await profile.cookies()).map(({ name }) => name)).not.toContain('__Host-hf-form');
  expect(requested.filter((url) => url.includes(article))).toEqual([]);
}

test('whoever signs in next with the same browser is not shown what another person typed', async (context) => {
  await using browser = await openBrowser(context);
  const { platform } = running;
  const { page, context: profile } = await browser.visit();
  await signIn(page, platform);
  await typeOrder(page, 'of-somebody-else');
  await endSession(profile);
  await page.getByRole('button', { name: 'Place order' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await page.content()).not.toContain('of-somebody-else');
  await enterPassword(page, 1);
  await page.waitForURL(`${site}/orders`);
  expect(await page.content()).not.toContain('of-somebody-else');
  expect((await profile.cookies()).map(({ name }) => name)).not.toContain('__Host-hf-form');
}, 120_000);

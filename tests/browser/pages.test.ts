import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectPage } from '../support/browser/inspect-page.ts';
import { hasBrowser, openBrowser } from '../support/browser/open-browser.ts';
import { signIn, siteOf } from '../support/browser/sign-in.ts';
import { startOtherSite } from '../support/browser/start-other-site.ts';
import { startTestPlatform, type TestPlatform } from '../support/test-platform.ts';

let running: TestPlatform;
let site: string;

beforeAll(async () => {
  if (!hasBrowser()) return;
  // Nothing is broken here, so whatever is late is so because the machine is busy.
  const patience = {
    REDIS_COMMAND_TIMEOUT_MS: '5000',
    SESSION_WAIT_TIMEOUT_MS: '5000',
    STORE_RETRY_BUDGET_MS: '10000',
  };
  running = await startTestPlatform({ serviceEnvironment: patience });
  site = siteOf(running.platform);
});
afterAll(() => running?.[Symbol.asyncDispose]());

const user = (index: number) => running.platform.state.users[index] as { username: string; password: string };

test('every page passes axe-core, weighs under 20 kB and needs nothing from anywhere, in light and dark, on phone and desktop', async (context) => {
  await using browser = await openBrowser(context);
  const { page, requested } = await browser.visit();
  await page.goto(`${site}/auth/sign-in?reason=session-expired-idle`);
  await inspectPage(page, 'sign-in');
  await page.getByLabel('Username').fill('alice');
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await inspectPage(page, 'sign-in-refused');
  await signIn(page, running.platform, '/auth');
  await inspectPage(page, 'account');
  await page.goto(`${site}/orders`);
  await inspectPage(page, 'orders-none');
  for (const sku of ['teapot', 'cup-and-saucer']) {
    await page.getByLabel('Article').fill(sku);
    await page.getByRole('button', { name: 'Place order' }).click();
    await page.getByRole('heading', { name: sku }).waitFor();
  }
  await inspectPage(page, 'orders');
  const phone = await browser.visit({
    userAgent:
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  });
  await signIn(phone.page, running.platform);
  await page.goto(`${site}/auth/devices`);
  await inspectPage(page, 'devices');
  await page.goto(`${site}/auth/nothing-here`);
  await inspectPage(page, 'not-found');
  await page.goto(`${site}/auth/sign-out`);
  await inspectPage(page, 'sign-out');
  await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await inspectPage(page, 'signed-out');
  expect(requested.filter((url) => !url.startsWith(`${site}/`) && !url.startsWith('data:'))).toEqual([]);
}, 240_000);

test('all of it works without a script, and with the keyboard alone', async (context) => {
  await using browser = await openBrowser(context);
  const { page } = await browser.visit({ javaScriptEnabled: false });
  await page.goto(`${site}/orders`);
  await expect.poll(() => page.locator(':focus').getAttribute('name')).toBe('username');
  await page.keyboard.type(user(1).username);
  await page.keyboard.press('Tab');
  await page.keyboard.type(user(1).password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${site}/orders`);
  await page.getByLabel('Article').focus();
  await page.keyboard.type('kettle');
  await page.keyboard.press('Tab');
  await page.keyboard.type('3');
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('Your order is placed.').waitFor();
  expect(await page.getByRole('listitem').allTextContents()).toEqual([expect.stringMatching(/kettle[\s\S]*× 3/)]);
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').textContent()).toBe('Skip to the content');
  await page.getByRole('link', { name: 'Devices' }).click();
  await page.getByRole('heading', { name: /Chrome on Linux/ }).waitFor();
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
}, 60_000);

test('the session cookie is Secure, HttpOnly, Lax, of this host alone, and no script can read it', async (context) => {
  await using browser = await openBrowser(context);
  const visitor = await browser.visit();
  await signIn(visitor.page, running.platform);
  const cookies = await visitor.context.cookies();
  expect(cookies.map(({ name }) => name).sort()).toEqual(['__Host-hf', '__Host-hf-device']);
  for (const cookie of cookies) {
    expect(cookie).toMatchObject({ domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' });
    expect(cookie.expires).toBeGreaterThan(Date.now() / 1000);
  }
  expect(await visitor.page.evaluate('document.cookie')).toBe('');
}, 60_000);

test('signed out elsewhere, this tab learns at its next request that the session is over', async (context) => {
  await using browser = await openBrowser(context);
  const [here, elsewhere] = [await browser.visit(), await browser.visit()];
  await signIn(here.page, running.platform);
  await signIn(elsewhere.page, running.platform, '/auth/devices');
  await elsewhere.page.getByRole('button', { name: /^Sign out (the other|all \d+ other) device/ }).click();
  await elsewhere.page.getByRole('status').waitFor();
  expect(await elsewhere.page.getByRole('listitem').count()).toBe(1);
  await here.page.getByLabel('Article').fill('too-late');
  await here.page.getByRole('button', { name: 'Place order' }).click();
  await here.page.getByText('You were signed out, here or from another of your devices.').waitFor();
  expect(new URL(here.page.url()).pathname).toBe('/auth/sign-in');
  await elsewhere.page.goto(`${site}/orders`);
  expect(await elsewhere.page.content()).not.toContain('too-late');
}, 60_000);

test('after signing out the back button shows nothing private', async (context) => {
  await using browser = await openBrowser(context);
  const { page } = await browser.visit();
  await signIn(page, running.platform);
  const article = `private-${Date.now()}`;
  await page.getByLabel('Article').fill(article);
  await page.getByRole('button', { name: 'Place order' }).click();
  await page.getByRole('heading', { name: article }).waitFor();
  await page.goto(`${site}/auth/devices`);
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  for (let step = 0; step < 3; step++) {
    await page.goBack();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in');
    expect(await page.content()).not.toContain(article);
  }
}, 60_000);

describe('another site', () => {
  // The same host with another port is of the same site, so browsers send it the cookies; an address is not.
  test.for(['localhost', '127.0.0.1'])(
    'can place no order and end no session from %s, by form or by fetch',
    { timeout: 120_000 },
    async (host, context) => {
      await using browser = await openBrowser(context);
      await using other = await startOtherSite();
      const { page, context: cookies } = await browser.visit();
      await signIn(page, running.platform);
      const before = await page.getByRole('listitem').count();
      const evil = `http://${host}:${other.port}`;
      const forms: [action: string, fields: Record<string, string>][] = [
        ['/orders', { sku: 'stolen', quantity: '1', key: crypto.randomUUID() }],
        ['/auth/sign-out', {}],
        ['/auth/devices', { session: 'others' }],
        ['/auth/sign-in', user(1)],
      ];
      for (const [action, fields] of forms) {
        await page.goto(`${evil}/?${new URLSearchParams({ action: site + action, ...fields })}`);
        await page.getByRole('button').click();
        await page.waitForURL(site + action);
        expect(await page.getByRole('heading', { level: 1 }).textContent(), action).toBe('That came from another site');
      }
      await page.goto(evil);
      const statuses = await page.evaluate(
        async ([target, body]) => {
          const send = (path: string, init: RequestInit) =>
            fetch(target + path, { method: 'POST', credentials: 'include', ...init }).then(
              (response) => response.type,
              () => 'unreadable',
            );
          const type = { 'content-type': 'application/x-www-form-urlencoded' };
          return [
            await send('/orders', { mode: 'no-cors', body, headers: type }),
            await send('/orders', { body, headers: type }),
            await send('/v1/session', { method: 'DELETE' }),
            await fetch(`${target}/orders`, { credentials: 'include' }).then(
              () => 'readable',
              () => 'unreadable',
            ),
          ];
        },
        [site, 'sku=stolen&quantity=1&key=6f1c1a5e-6a1f-4a53-9a37-111111111111'] as const,
      );
      expect(statuses).toEqual([expect.stringMatching(/opaque|unreadable/), 'unreadable', 'unreadable', 'unreadable']);
      await page.goto(`${site}/orders`);
      expect(await page.getByRole('listitem').count()).toBe(before);
      expect(await page.content()).not.toContain('stolen');
      expect((await cookies.cookies()).some(({ name }) => name === '__Host-hf')).toBe(true);
    },
  );

  test('can’t show our pages in a frame', async (context) => {
    await using browser = await openBrowser(context);
    await using other = await startOtherSite();
    const { page } = await browser.visit();
    await signIn(page, running.platform);
    await page.goto(`http://localhost:${other.port}/?frame=${encodeURIComponent(`${site}/auth/devices`)}`);
    const frame = page.frames()[1];
    await expect.poll(() => frame?.url()).not.toBe('');
    expect(await frame?.content()).not.toContain('Your devices');
  }, 60_000);
});

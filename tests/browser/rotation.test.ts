import { parseSessionToken, SESSION_COOKIE } from '@holdfast/session';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openBrowser } from '../support/browser/open-browser.ts';
import { signIn, siteOf } from '../support/browser/sign-in.ts';
import { requirePrimary } from '../support/require-primary.ts';
import { passGrace } from '../support/session-records.ts';
import { startTestPlatform } from '../support/test-platform.ts';
import { testAdmin } from '../support/test-redis-node.ts';

test('a person with three tabs stays signed in in all of them, while each round of pages gives the browser another cookie', async (context) => {
  await using browser = await openBrowser(context);
  await using running = await startTestPlatform({ serviceEnvironment: { SESSION_ROTATE_MS: '1' } });
  const { platform } = running;
  const { host, port } = (await requirePrimary(platform.redis)).endpoint;
  const { username, password } = testAdmin;
  const admin = new Redis({ host, port, username, password });
  await using _ = { [Symbol.asyncDispose]: async () => admin.disconnect() };
  const { page, context: profile } = await browser.visit();
  await signIn(page, platform, '/auth');
  const tabs = [page, await profile.newPage(), await profile.newPage()];
  const paths = ['/auth', '/auth/devices', '/orders'];
  const headings = ['Hello, alice', 'Your devices', 'Your orders'];
  const cookies = new Set<string>();
  for (let round = 0; round < 12; round++) {
    const seen = await Promise.all(
      tabs.map(async (tab, index) => {
        const place = (round + index) % paths.length;
        const response = await tab.goto(`${siteOf(platform)}${paths[place]}`);
        const heading = await tab.getByRole('heading', { level: 1 }).textContent();
        return [response?.status(), heading, headings[place]];
      }),
    );
    for (const [status, heading, expected] of seen) expect([status, heading]).toEqual([200, expected]);
    const cookie = (await profile.cookies()).find(({ name }) => name === SESSION_COOKIE);
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/' });
    cookies.add(cookie?.value ?? '');
    // Another one comes only after the 30 seconds of the one before.
    await passGrace(admin, parseSessionToken(cookie?.value ?? '')?.id ?? '');
  }
  // Each round asked auth, so nearly each brought a new one; a copy of the first is not of use for ever.
  expect(cookies.size).toBeGreaterThan(6);
  await page.goto(`${siteOf(platform)}/auth/devices`);
  expect(await page.getByRole('main').getByRole('listitem').count()).toBe(1);
}, 180_000);

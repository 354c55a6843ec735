import { expect, test } from 'vitest';
import { inspectPage } from '../support/browser/inspect-page.ts';
import { openBrowser } from '../support/browser/open-browser.ts';
import { startOidc } from '../support/start-oidc.ts';

test('a person signs in with a provider on another site, and its frame there signs them out without any cookie', async (context) => {
  await using browser = await openBrowser(context);
  await using sso = await startOidc();
  await sso.provider.start();
  const site = sso.auth[0].url;
  const { page, context: profile } = await browser.visit();

  await page.goto(`${site}/auth/devices`);
  await inspectPage(page, 'sign-in-with-single-sign-on');
  await page.getByRole('link', { name: 'Single sign-on' }).click();
  await page.locator('input[name=login]').fill('ann');
  await page.locator('input[name=password]').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  // Back where the person was going to, though another site led here: the cookie came along.
  await page.waitForURL(`${site}/auth/devices`);
  await page.getByText('This device').first().waitFor();
  const cookies = (await profile.cookies(site)).filter(({ name }) => name.startsWith('__Host-'));
  expect(cookies).toEqual([
    expect.objectContaining({ name: '__Host-hf', httpOnly: true, secure: true, sameSite: 'Lax', path: '/' }),
  ]);

  const { sid } = sso.provider.claimsOf('ann');
  const query = new URLSearchParams({ iss: sso.provider.issuer, sid });
  const logout = `${site}/auth/oidc/frontchannel-logout?${query}`;
  const asked = page.waitForRequest((request) => request.url() === logout);
  await page.goto(`${sso.provider.issuer}/?${new URLSearchParams({ frame: logout })}`);
  await page.frameLocator('iframe').getByText('Signed out').waitFor();
  expect((await (await asked).allHeaders())['cookie']).toBeUndefined();
  await page.goto(`${site}/auth/devices`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
}, 120_000);

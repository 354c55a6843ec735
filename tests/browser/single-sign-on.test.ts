import { expect, test } from 'vitest';
import { inspectPage } from '../support/browser/inspect-page.ts';
import { openBrowser } from '../support/browser/open-browser.ts';
import { startOtherSite } from '../support/browser/start-other-site.ts';
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

test('a link on another site asks before it signs in; the answer leads through the provider, and no keeps the session', async (context) => {
  await using browser = await openBrowser(context);
  await using sso = await startOidc();
  await using other = await startOtherSite();
  await sso.provider.start();
  const site = sso.auth[0].url;
  const { page, context: profile } = await browser.visit();
  const session = async () => (await profile.cookies(site)).find(({ name }) => name === '__Host-hf')?.value;
  const link = `${site}/auth/oidc/login?return_to=/auth/devices`;
  /** @param host `localhost` is another site than 127.0.0.1, which on another port is a sibling */
  const follow = async (host: string) => {
    await page.goto(`http://${host}:${other.port}/?link=${encodeURIComponent(link)}`);
    await page.getByRole('link', { name: 'win a prize' }).click();
    await page.getByRole('heading', { name: 'Sign in with single sign-on?' }).waitFor();
  };

  await follow('localhost');
  await inspectPage(page, 'confirm-sign-in');
  expect(await profile.cookies(site)).toEqual([]);
  await page.getByRole('link', { name: 'Go on and sign in' }).click();
  await page.locator('input[name=login]').fill('ann');
  await page.locator('input[name=password]').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(`${site}/auth/devices`);
  const before = await session();

  // The provider knows the person by now, and would not ask.
  await follow('127.0.0.1');
  await inspectPage(page, 'confirm-sign-in-again');
  await page.reload();
  await page.getByText('Signing in again ends that session').waitFor();
  await page.getByRole('link', { name: 'Keep my session' }).click();
  await page.getByRole('heading', { name: /^Hello/ }).waitFor();
  expect(await session()).toBe(before);

  await follow('localhost');
  await page.getByRole('link', { name: 'Go on and sign in' }).click();
  await page.waitForURL(`${site}/auth/devices`);
  expect(await session()).not.toBe(before);

  // The ID token goes to where a sign-out begins, and nowhere else; no link of another site begins one.
  sso.provider.requiresIdTokenHint = true;
  const sent = page.waitForRequest((request) => request.url() === `${site}/auth/signed-out`);
  await page.getByRole('navigation').getByRole('button', { name: 'Sign out' }).click();
  expect((await (await sent).allHeaders())['cookie'] ?? '').not.toContain('id-token');
  await page.goto(`http://localhost:${other.port}/?link=${encodeURIComponent(`${site}/auth/oidc/logout`)}`);
  await page.getByRole('link', { name: 'win a prize' }).click();
  await page.getByRole('heading', { name: 'Sign out of single sign-on?' }).waitFor();
  await inspectPage(page, 'confirm-sign-out');
  expect(sso.provider.idTokenHints).toEqual([]);
  await page.getByRole('main').getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await page.waitForURL(`${site}/auth/signed-out`);
  expect(sso.provider.idTokenHints).toEqual([sso.provider.idTokens.get('ann')?.at(-1)]);
}, 120_000);

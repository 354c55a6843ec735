import type { Page } from 'playwright-core';
import type { Platform } from '../../../services/local/src/platform.ts';
import { pollUntil } from '../poll-until.ts';

/** The site as people open it. Browsers take `localhost` for as safe as TLS, so its cookies may be `Secure`. */
export function siteOf(platform: Platform): string {
  return platform.edge.url.replace('127.0.0.1', 'localhost');
}

/** Opens a page, is sent to sign in, and does; again, as people do, while the answer is "try again". */
export async function signIn(page: Page, platform: Platform, path = '/orders', user = 0): Promise<void> {
  await signInAs(page, siteOf(platform) + path, platform.state.users[user] ?? { username: '', password: '' });
}

/** The same at any address. */
export async function signInAs(
  page: Page,
  url: string,
  { username, password }: { username: string; password: string },
): Promise<void> {
  await pollUntil(`${username} to be signed in`, 60_000, async () => {
    await page.goto(url);
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password').fill(password);
    const answer = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('button', { name: 'Sign in' }).click();
    return (await answer).status() === 303;
  });
  await page.waitForURL(url);
}

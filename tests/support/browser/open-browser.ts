import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { inject, type TestContext } from 'vitest';
import { onPath } from '../../../services/local/src/on-path.ts';

/** What tests/browser/global-setup.ts tells the tests. */
export interface TestBrowserState {
  /** Why there is no browser; empty where there is one. */
  readonly missing: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    browser: TestBrowserState;
  }
}

/** One person's browser: nobody else's cookies. */
export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Every address that was asked for. */
  readonly requested: readonly string[];
}

export interface TestBrowser extends AsyncDisposable {
  visit(options?: BrowserContextOptions): Promise<Visitor>;
}

/** For set-up that would be in vain without a browser. */
export const hasBrowser = () => inject('browser').missing === '';

/**
 * Debian's Chromium, or the test is skipped where it can't be had.
 *
 * @param more of its command line
 */
export async function openBrowser(context: TestContext, more: readonly string[] = []): Promise<TestBrowser> {
  const { missing } = inject('browser');
  if (missing !== '') context.skip(missing);
  const executablePath = onPath('chromium') ?? '';
  // Chromium refuses its sandbox to root, and what it opens here are our own pages.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser: Browser = await chromium.launch({ executablePath, args: [...args, ...more] });
  return {
    visit: async (options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      const page = await context.newPage();
      const requested: string[] = [];
      context.on('request', (request) => requested.push(request.url()));
      return { context, page, requested };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Where the pictures are kept; git ignores it. */
export const picturesFolder = join(import.meta.dirname, '..', '..', 'browser', 'artefacts');

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

/**
 * Looks at the page that is shown in light and dark, on a phone and on a desktop: keeps a picture of each, has axe-core
 * look for what people with disabilities would stumble over, and weighs it.
 *
 * @param name of the pictures
 */
export async function inspectPage(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(picturesFolder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      expect(found, `axe-core on ${name}, ${size}, ${colorScheme}`).toEqual([]);
    }
    const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
    expect(tooWide, `${name} on a ${size} needs no scrolling sideways`).toBeLessThanOrEqual(0);
  }
  // As text: the names of a browser's globals are not known to this program.
  const weight = await page.evaluate<{ bytes: number; requests: number }>(`({
    bytes: performance.getEntriesByType('navigation')[0].decodedBodySize,
    requests: performance.getEntriesByType('resource').length,
  })`);
  expect(weight.bytes, name).toBeGreaterThan(1000);
  expect(weight.bytes, `${name} in bytes`).toBeLessThan(20_000);
  expect(weight.requests, `what ${name} needs besides itself`).toBe(0);
}

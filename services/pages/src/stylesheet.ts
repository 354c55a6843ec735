import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * The stylesheet as every page carries it. In the page, because it is small, because a page of one replica then never
 * depends on another of a different version, and because an error page must not need a second request.
 */
export const stylesheet = readFileSync(new URL('page.css', import.meta.url), 'utf8')
  .replaceAll(/\/\*.*?\*\//gs, '')
  .replaceAll(/\s+/g, ' ')
  .replaceAll(/ ?([{};,]) ?/g, '$1')
  .trim();

/** Lets this sheet in, and no other style of the page (CSP Level 3, section 2.3.1). */
export const stylesheetSource = `'sha256-${hash('sha256', stylesheet, 'base64')}'`;

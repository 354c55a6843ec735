import type { Context } from 'hono';
import { html, raw } from 'hono/html';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Html } from './html.ts';
import type { PageEnv } from './page-context.ts';
import { SIGN_IN_PATH } from './return-path.ts';
import { stylesheet, stylesheetSource } from './stylesheet.ts';

export interface Page {
  title: string;
  body: Html;
  /** Whether there is a session to navigate with and to sign out of. */
  signedIn: boolean;
  /** A page that asks for one thing, and is no wider. */
  narrow?: boolean;
}

const sections = [
  { path: '/auth', label: 'Account' },
  { path: '/auth/devices', label: 'Devices' },
  { path: '/orders', label: 'Orders' },
];

/** A cleat: what a rope is made fast to. */
const shape =
  'M7 4v5h18V4h3v5a4 4 0 0 1-4 4h-4v6h4a4 4 0 0 1 4 4v5h-3v-5H7v5H4v-5a4 4 0 0 1 4-4h4v-6H8a4 4 0 0 1-4-4V4z';
const icon = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0b8573" d="${shape}"/></svg>`)}`;

/** OWASP Secure Headers Project, for pages without script whose forms lead to the own site only. */
const headers = {
  'content-security-policy': `default-src 'none'; style-src ${stylesheetSource}; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  // Not no-referrer: with that, browsers send `Origin: null` with a form of the own site.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** A whole page. It needs no script, and nothing that is not in it. */
// biome-ignore lint/suspicious/noExplicitAny: a context of any service will do, whatever variables it adds
export function renderPage(c: Context<any>, page: Page, status: ContentfulStatusCode = 200) {
  const { title, body, signedIn, narrow = false } = page;
  const servedBy: string | undefined = (c as Context<PageEnv>).get('servedBy');
  return c.html(
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Holdfast</title>
<link rel="icon" href="${icon}">
<style>${raw(stylesheet)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><div>
<a class="brand" href="${signedIn ? '/auth' : SIGN_IN_PATH}"><svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true"><path fill="currentColor" d="${shape}"/></svg>Holdfast</a>
${signedIn && navigation(c.req.path)}
</div></header>
<main id="content" class="${narrow && 'narrow'}">
${body}
</main>
<footer>${servedBy !== undefined && html`Answered by <code>${servedBy}</code>`}</footer>
</body>
</html>
`,
    status,
    headers,
  );
}

function navigation(path: string): Html {
  const links = sections.map(
    (section) =>
      html`<a href="${section.path}"${section.path === path && raw(' aria-current="page"')}>${section.label}</a>`,
  );
  return html`<nav aria-label="Main">${links}<form method="post" action="/auth/sign-out"><button>Sign out</button></form></nav>`;
}

import type { html } from 'hono/html';

/** Markup whose values have been escaped: what `html` of hono/html makes. */
export type Html = ReturnType<typeof html>;

import { html } from 'hono/html';
import type { Html } from './html.ts';

const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** A time in words. In UTC, and it says so: without a script a page can't know the reader's zone. */
export function formatTime(timeMs: number): Html {
  const date = new Date(timeMs);
  return html`<time datetime="${date.toISOString()}">${absolute.format(date)} UTC</time>`;
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** How long ago or how far ahead a time is, in words: `just now`, `5 minutes ago`, `in 12 hours`. */
export function formatDistance(timeMs: number, nowMs: number): Html {
  const distanceMs = timeMs - nowMs;
  const [unit, length] = units.find(([, each]) => Math.abs(distanceMs) >= each) ?? [];
  const text = unit === undefined ? 'just now' : relative.format(Math.round(distanceMs / length), unit);
  return html`<time datetime="${new Date(timeMs).toISOString()}">${text}</time>`;
}

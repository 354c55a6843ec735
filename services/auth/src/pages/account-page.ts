import { formatDistance, formatTime, type Page } from '@holdfast/pages';
import type { Session } from '@holdfast/session';
import { html } from 'hono/html';

export interface AccountPageOptions {
  session: Session;
  /** The user id, where the user file has no such user. */
  name: string;
  nowMs: number;
}

export function accountPage({ session, name, nowMs }: AccountPageOptions): Page {
  // A provider may have seen the person long before, or not have said when.
  const signedInAtMs = Math.max(session.authenticatedAtMs, session.createdAtMs);
  const body = html`<h1>Hello, ${name}</h1>
<p class="lead">You are signed in.</p>
<div class="card">
<dl>
<dt>Signed in</dt><dd>${formatTime(signedInAtMs)}</dd>
<dt>Ends</dt><dd>${formatDistance(session.absoluteExpiresAtMs, nowMs)}, or ${formatDistance(session.idleExpiresAtMs, nowMs)} if you do nothing here</dd>
${session.roles.length > 0 && html`<dt>Roles</dt><dd>${session.roles.join(', ')}</dd>`}
</dl>
</div>
<p class="row"><a class="button" href="/orders">Your orders</a><a class="button quiet" href="/auth/devices">Where you are signed in</a></p>`;
  return { title: 'Your account', body, signedIn: true };
}

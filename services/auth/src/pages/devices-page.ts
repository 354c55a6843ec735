import { formatDistance, formatTime, type Html, OWNER_FIELD, type Page } from '@holdfast/pages';
import type { SessionWithDevice } from '@holdfast/session';
import { html, raw } from 'hono/html';
import type { Places } from './create-places.ts';
import { type DeviceInWords, describeDevice } from './describe-device.ts';
import { describePlace } from './describe-place.ts';

export interface DevicesPageOptions {
  /** The newest, and the one that asks. */
  sessions: readonly SessionWithDevice[];
  /** How many there are, with those that are not shown. */
  total: number;
  currentId: string;
  userId: string;
  nowMs: number;
  notice?: string | undefined;
  places?: Places | undefined;
}

export function devicesPage({ sessions, total, currentId, userId, nowMs, notice, places }: DevicesPageOptions): Page {
  const own = (session: SessionWithDevice) => Number(session.id === currentId);
  const sorted = sessions.toSorted((a, b) => own(b) - own(a) || b.lastSeenAtMs - a.lastSeenAtMs);
  const others = total - sessions.filter(own).length;
  const hidden = total - sessions.length;
  const body = html`<h1>Your devices</h1>
<p class="lead">Where you are signed in now. If you don’t know one of them, sign it out and change your password.</p>
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
<ul class="list">${sorted.map((session) => item(session, session.id === currentId, userId, nowMs, places))}</ul>
${hidden > 0 && html`<p class="soft">You are signed in ${hidden} more ${hidden === 1 ? 'time' : 'times'}. Only the newest are shown.</p>`}
${
  others > 0 &&
  html`<form method="post" action="/auth/devices"><input type="hidden" name="session" value="others">${ownerInput(userId)}<p><button class="button quiet">${others === 1 ? 'Sign out the other device' : `Sign out all ${others} other devices`}</button></p></form>`
}
<p class="soft">Browser and system are what the device says of itself. ${places === undefined ? 'Places are told by the network address alone' : 'Places are guessed from the network address, by a list of our own, and can be wrong'}: we ask no location service. “Last seen” may lag by a minute.</p>`;
  return { title: 'Your devices', body, signedIn: true };
}

const ownerInput = (userId: string) => html`<input type="hidden" name="${OWNER_FIELD}" value="${userId}">`;

function item(
  session: SessionWithDevice,
  current: boolean,
  userId: string,
  nowMs: number,
  places: Places | undefined,
): Html {
  const { name, kind } = describeDevice(session.device.userAgent);
  const place = describePlace(session.device.ip, places);
  return html`<li>
<span class="icon">${icons[kind]}</span>
<div class="grow"><h2>${name}${current && html` <span class="badge">This device</span>`}</h2>
<p class="soft">Last seen ${formatDistance(session.lastSeenAtMs, nowMs)} · from ${place}<br>Signed in ${formatTime(session.createdAtMs)}</p></div>
<form method="post" action="/auth/devices"><input type="hidden" name="session" value="${session.id}">${ownerInput(userId)}<button class="button quiet small">Sign out<span class="hidden"> ${name}, from ${place}${current && ', this device'}</span></button></form>
</li>`;
}

const icon = (path: string) =>
  raw(
    `<svg width="22" height="22" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${path}"/></svg>`,
  );

const icons: Record<DeviceInWords['kind'], Html> = {
  computer: icon('M4 5h16v11H4zM2 20h20'),
  phone: icon('M7 2.5h10v19H7zM11 18.5h2'),
  program: icon('M4 5l6 6-6 6M12 18h8'),
};

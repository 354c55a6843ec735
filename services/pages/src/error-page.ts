import type { HoldfastError } from '@holdfast/session';
import { html } from 'hono/html';
import type { Html } from './html.ts';

export interface ErrorPageOptions {
  error: HoldfastError;
  requestId: string;
  /** Whether the browser sent a session; it may be one that the store could not be asked about. */
  signedIn: boolean;
  /** Where a second try begins. */
  path: string;
  /** Where the request was a form that may be sent once more: its fields. */
  fields: Readonly<Record<string, string>> | undefined;
}

/** What happened, what has become of the person's session, and what to do now. */
export function errorPage(options: ErrorPageOptions): { title: string; body: Html } {
  const { error, requestId } = options;
  const { title, text } = explain(options);
  const body = html`<div class="card">
<h1>${title}</h1>
<p>${text}</p>
${[429, 503].includes(error.status) && html`<p class="soft">${whenToRetry(error.retryAfterSeconds ?? 1)}</p>`}
${nextStep(options)}
</div>
<p class="soft">If you ask for help, give this reference: <code>${requestId}</code></p>`;
  return { title, body };
}

function explain({ error, signedIn }: ErrorPageOptions): { title: string; text: string } {
  const stillThere = signedIn
    ? 'You are still signed in, and nothing of yours is lost.'
    : 'Nothing is lost, and you need not do anything but try again.';
  switch (error.code) {
    case 'store-unavailable':
      return { title: 'We’ll be right back', text: stillThere };
    case 'not-durable':
      return {
        title: 'That may not have worked',
        text: `We could not make sure that it is kept, so please try again: doing it twice does no harm. ${signedIn ? 'You may still be signed in.' : ''}`,
      };
    case 'csrf-rejected':
      return {
        title: 'That came from another site',
        text: 'Another site tried to do something here in your name, and we did nothing. If it was you, do it from our own pages.',
      };
    case 'not-found':
      return { title: 'There is nothing here', text: 'The address may be misspelled, or what was here is gone.' };
    case 'internal-error':
      return { title: 'Something went wrong on our side', text: stillThere };
    default:
      return { title: error.toProblem().title, text: error.message };
  }
}

function whenToRetry(seconds: number): string {
  if (seconds > 90) return `Please wait ${Math.ceil(seconds / 60)} minutes before the next try.`;
  return seconds > 10 ? `Please wait ${seconds} seconds before the next try.` : 'It usually takes a few seconds.';
}

function nextStep({ error, path, fields, signedIn }: ErrorPageOptions): Html {
  const again = [429, 500, 503].includes(error.status);
  if (again && fields !== undefined) {
    const inputs = Object.entries(fields).map(
      ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
    );
    return html`<form method="post" action="${path}">${inputs}<button class="button">Try again</button></form>`;
  }
  if (again) return html`<p><a class="button" href="${path}">Try again</a></p>`;
  return html`<p><a class="button" href="/auth">${signedIn ? 'Your account' : 'Sign in'}</a></p>`;
}

import { type HoldfastError, isUnconfirmed } from '@holdfast/session';
import { html } from 'hono/html';
import { formOnceMore, wasUnconfirmed } from './form-once-more.ts';
import type { FormWords } from './form-words.ts';
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
  /** And what is said of such a form. */
  words: FormWords | undefined;
}

/** What happened, what is known of what the person wanted, and what to do now. Nothing is said that nobody can know. */
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

function explain({ error, signedIn, fields, words }: ErrorPageOptions): { title: string; text: string } {
  if (words && error.status >= 500) {
    const notDone = error.code === 'store-unavailable' && !wasUnconfirmed(fields) ? words.notDone : undefined;
    if (notDone === undefined) return words.unsure;
    return {
      title: notDone,
      text: 'We can’t do it right now. What you sent is kept on this page: send it again from here.',
    };
  }
  const noHarm = signedIn ? 'This does not sign you out. Please try again.' : 'Please try again.';
  if (isUnconfirmed(error)) {
    const text = `It may or may not have been done: we got no confirmation. ${noHarm}`;
    return { title: 'That may not have worked', text };
  }
  switch (error.code) {
    case 'store-unavailable':
      return { title: 'We’ll be right back', text: noHarm };
    case 'csrf-rejected':
      return {
        title: 'That came from another site',
        text: 'Another site tried to do something here in your name, and we did nothing. If it was you, do it from our own pages.',
      };
    case 'not-found':
      return { title: 'There is nothing here', text: 'The address may be misspelled, or what was here is gone.' };
    case 'internal-error':
      return { title: 'Something went wrong on our side', text: noHarm };
    default:
      return { title: error.toProblem().title, text: error.message };
  }
}

function whenToRetry(seconds: number): string {
  if (seconds > 90) return `Please wait ${Math.ceil(seconds / 60)} minutes before the next try.`;
  return seconds > 10 ? `Please wait ${seconds} seconds before the next try.` : 'It usually takes a few seconds.';
}

function nextStep({ error, path, fields, words, signedIn }: ErrorPageOptions): Html {
  const again = [429, 500, 503].includes(error.status);
  if (again && fields !== undefined) {
    return formOnceMore({ path, fields, words, button: 'Try again' });
  }
  if (again) return html`<p><a class="button" href="${path}">Try again</a></p>`;
  return html`<p><a class="button" href="/auth">${signedIn ? 'Your account' : 'Sign in'}</a></p>`;
}

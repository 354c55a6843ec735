import { type FormWords, formOnceMore, type Page } from '@holdfast/pages';
import { html } from 'hono/html';

export interface KeptFormPageOptions {
  path: string;
  fields: Readonly<Record<string, string>>;
  words: FormWords;
  /** Whether it was sent before, and may have been done. */
  unconfirmed: boolean;
}

/** After a sign-in: what was about to be done before it. Nothing is done until the person presses the button. */
export function keptFormPage({ path, fields, words, unconfirmed }: KeptFormPageOptions): Page {
  const { unsure, notDone, button } = words;
  const title = unconfirmed || notDone === undefined ? unsure.title : notDone;
  const text = unconfirmed ? unsure.text : 'You had been signed out when you sent it, so it was kept for you.';
  const body = html`<div class="card">
<h1>${title}</h1>
<p>${text}</p>
${formOnceMore({ path, fields, words, button })}
<p><a class="button quiet" href="${path}">Don’t</a></p>
</div>`;
  return { title, body, signedIn: true, narrow: true };
}

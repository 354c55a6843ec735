import { html } from 'hono/html';
import { type FormWords, UNCONFIRMED_FIELD } from './form-words.ts';
import type { Html } from './html.ts';

export interface FormOnceMoreOptions {
  path: string;
  fields: Readonly<Record<string, string>>;
  words: FormWords | undefined;
  button: string;
}

/** A form as it was sent, to be sent once more with one press, and what of it people can read. */
export function formOnceMore({ path, fields, words, button }: FormOnceMoreOptions): Html {
  const shown = Object.entries(words?.fields ?? {}).flatMap(([name, label]) =>
    label === undefined || fields[name] === undefined ? [] : [html`<dt>${label}</dt><dd>${fields[name]}</dd>`],
  );
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`${shown.length > 0 && html`<dl>${shown}</dl>`}<form method="post" action="${path}">${inputs}<button class="button">${button}</button></form>`;
}

/** Whether an attempt before this one may have been carried out. */
export const wasUnconfirmed = (fields: Readonly<Record<string, string>> | undefined) =>
  fields?.[UNCONFIRMED_FIELD] !== undefined;

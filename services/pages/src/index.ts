export { answerPageError } from './answer-page-error.ts';
export { createPages, type Pages, type PagesOptions } from './create-pages.ts';
export { formOnceMore, wasUnconfirmed } from './form-once-more.ts';
export { type FormWords, formWords, OWNER_FIELD } from './form-words.ts';
export { formatDistance, formatTime } from './format-time.ts';
export type { Html } from './html.ts';
export { formBody, htmlContent, htmlContents, noticeName, seeOther } from './html-content.ts';
export {
  clearKeptForm,
  KEPT_FORM_COOKIE,
  KEPT_FORM_PATH,
  keptFormPath,
  pickFields,
  requireOwner,
} from './kept-form.ts';
export type { PageEnv, PageVariables } from './page-context.ts';
export { type Page, renderPage } from './render-page.ts';
export { parseReturnPath, SIGN_IN_PATH, signInPath } from './return-path.ts';

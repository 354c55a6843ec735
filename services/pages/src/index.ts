export { answerPageError } from './answer-page-error.ts';
export { createPages, type Pages, type PagesOptions } from './create-pages.ts';
export { formatDistance, formatTime } from './format-time.ts';
export type { Html } from './html.ts';
export { formBody, htmlContent, htmlContents, noticeName, seeOther } from './html-content.ts';
export type { PageEnv, PageVariables } from './page-context.ts';
export { type Page, renderPage } from './render-page.ts';
export { parseReturnPath, SIGN_IN_PATH, signInPath } from './return-path.ts';

/**
 * Every way a request can be refused, with the status it is answered with. The one place that maps a code to a status.
 * Statuses follow RFC 9110; 503 rather than 401 while the store can't answer, so that an outage logs nobody out.
 */
export const errorStatuses = {
  'session-missing': 401,
  'session-malformed': 401,
  'session-unknown': 401,
  'session-expired-idle': 401,
  'session-expired-absolute': 401,
  'session-revoked': 401,
  'session-reused': 401,
  'reauthentication-required': 401,
  'invalid-credentials': 401,
  'invalid-client': 401,
  'csrf-rejected': 403,
  forbidden: 403,
  'not-found': 404,
  'session-limit': 409,
  'rate-limited': 429,
  'sign-in-failed': 400,
  'store-unavailable': 503,
  'provider-unavailable': 503,
  'outcome-unknown': 503,
  'not-durable': 503,
  'invalid-request': 400,
  'internal-error': 500,
} as const;

export type ErrorCode = keyof typeof errorStatuses;

/** What an `invalid-request` can be besides 400: wrong method, too large, wrong media type, well-formed but wrong, headers too large. */
export type InvalidRequestStatus = 400 | 405 | 413 | 415 | 422 | 431;

export interface HoldfastErrorOptions {
  cause?: unknown;
  /** Only for `invalid-request`. */
  status?: InvalidRequestStatus;
  /** Seconds, for `Retry-After` (RFC 9110, section 10.2.3). 503 and 429 always carry one; default 1. */
  retryAfterSeconds?: number;
  /** Further response headers, such as `Allow` for 405. */
  headers?: Record<string, string>;
}

const titles: Record<ErrorCode, string> = {
  'session-missing': 'No session was sent',
  'session-malformed': 'The session token is malformed',
  'session-unknown': 'No such session',
  'session-expired-idle': 'The session was idle for too long',
  'session-expired-absolute': 'The session has reached its end',
  'session-revoked': 'The session was ended',
  'session-reused': 'A replaced session token was used again',
  'reauthentication-required': 'Authenticate again',
  'invalid-credentials': 'Wrong username or password',
  'invalid-client': 'Not a client that may ask',
  'csrf-rejected': 'The request did not come from this site',
  forbidden: 'Not allowed',
  'not-found': 'Not found',
  'session-limit': 'Too many sessions',
  'rate-limited': 'Too many attempts',
  'sign-in-failed': 'The sign-in could not be completed',
  'store-unavailable': 'Not available right now',
  'provider-unavailable': 'The identity provider cannot be reached',
  'outcome-unknown': 'Nobody knows yet whether the change was made',
  'not-durable': 'The change could not be made durable',
  'invalid-request': 'Invalid request',
  'internal-error': 'Internal error',
};

/**
 * The one error that becomes an answer. `message` is told to the client as `detail`; `cause` is for the log only.
 * Hono answers it without further set-up, because it asks an error for `getResponse()`; `answerProblem` does it cheaper.
 */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, detail: string, options: HoldfastErrorOptions = {}) {
    const status = options.status ?? errorStatuses[code];
    // A refusal is no accident: nobody reads where it was thrown, and to find that out costs more than all the rest.
    const { stackTraceLimit } = Error;
    if (status < 500) Error.stackTraceLimit = 0;
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.status = status;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (this.status === 503 || this.status === 429 ? 1 : undefined);
    this.headers = options.headers ?? {};
  }

  /** The error as `application/problem+json` (RFC 9457). */
  toProblem(requestId?: string) {
    return {
      type: `urn:holdfast:problem:${this.code}`,
      title: titles[this.code],
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(requestId === undefined ? {} : { requestId }),
    };
  }

  /** A 401 names the scheme it wants (RFC 9110, section 11.6.1; RFC 6750, section 3). Nothing may cache an error. */
  toHeaders(): Record<string, string> {
    const headers: Record<string, string> = {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...this.headers,
    };
    if (this.status === 401 && !('www-authenticate' in this.headers)) {
      const sentOne = this.code.startsWith('session-') && this.code !== 'session-missing';
      headers['www-authenticate'] = sentOne ? 'Bearer error="invalid_token"' : 'Bearer';
    }
    if (this.retryAfterSeconds !== undefined) headers['retry-after'] = String(this.retryAfterSeconds);
    return headers;
  }

  getResponse(requestId?: string): Response {
    return new Response(JSON.stringify(this.toProblem(requestId)), { status: this.status, headers: this.toHeaders() });
  }
}

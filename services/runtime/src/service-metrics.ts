import { metrics } from '@opentelemetry/api';

/** What the services measure. Names and units follow OpenTelemetry's semantic conventions where they have one. */
export interface ServiceMetrics {
  /** An answered request. `route` is the pattern, never the path: a path would make a time series of every id. */
  recordRequest(method: string, route: string | undefined, status: number, durationMs: number): void;
  /** A validation of a session: `active`, `unknown`, `expired-idle`, `expired-absolute`, `revoked`, `error`… */
  recordValidation(outcome: string): void;
  /** A call of the session store, with its retries. */
  recordStoreCall(operation: string, durationMs: number, ok: boolean): void;
  /** A login: `ok`, `failed`, `limited`, `error`. */
  recordLogin(outcome: string): void;
  /** Has the live sessions counted whenever they are asked for, such as at a scrape. */
  observeSessions(count: () => Promise<number>): void;
}

/** Semantic conventions 1.23 and later, `http.server.request.duration`. */
const requestBucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** A call of Redis takes tenths of a millisecond, and 250 ms at most before it is given up. */
const storeBucketsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Any other method would let a client make up time series (semantic conventions, `http.request.method`). */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** The method as telemetry names it. */
export const toKnownMethod = (method: string): string => (knownMethods.has(method) ? method : '_OTHER');

/** The instruments, on the global meter: they measure into nothing until `createTelemetry` has run. */
export function createServiceMetrics(): ServiceMetrics {
  const meter = metrics.getMeter('@holdfast/runtime');
  const requests = meter.createHistogram('http.server.request.duration', {
    description: 'Duration of HTTP server requests.',
    unit: 's',
    advice: { explicitBucketBoundaries: requestBucketsSeconds },
  });
  const validations = meter.createCounter('holdfast.session.validations', {
    description: 'Validated sessions by outcome.',
    unit: '{validation}',
  });
  const storeCalls = meter.createHistogram('holdfast.store.duration', {
    description: 'Duration of calls of the session store, retries included.',
    unit: 's',
    advice: { explicitBucketBoundaries: storeBucketsSeconds },
  });
  const logins = meter.createCounter('holdfast.logins', { description: 'Logins by outcome.', unit: '{login}' });
  const sessions = meter.createObservableGauge('holdfast.sessions', {
    description: 'Live sessions; an estimate where there are many.',
    unit: '{session}',
  });
  return {
    // Not a number while the store can't be asked: with no value at all the meter repeats the last.
    observeSessions: (count) =>
      sessions.addCallback((result) =>
        count().then(
          (live) => result.observe(live),
          () => result.observe(Number.NaN),
        ),
      ),
    recordRequest: (method, route, status, durationMs) =>
      requests.record(durationMs / 1000, {
        'http.request.method': toKnownMethod(method),
        'url.scheme': 'http',
        'http.response.status_code': status,
        ...(route === undefined ? {} : { 'http.route': route }),
        ...(status < 500 ? {} : { 'error.type': String(status) }),
      }),
    recordValidation: (outcome) => validations.add(1, { outcome }),
    recordStoreCall: (operation, durationMs, ok) =>
      storeCalls.record(durationMs / 1000, { operation, outcome: ok ? 'ok' : 'error' }),
    recordLogin: (outcome) => logins.add(1, { outcome }),
  };
}

import { HoldfastError } from '@holdfast/session';
import { proxy } from 'hono/proxy';

export interface UpstreamOptions {
  /** Where the replicas are; all of them serve everybody. */
  urls: readonly string[];
  /** How long a replica may take to answer a request that another could answer too; default 2000. */
  patienceMs?: number;
  /** How long a replica that gave no answer is asked last; default 1000. */
  avoidMs?: number;
}

export interface ForwardedRequest {
  method: string;
  /** Path and query. */
  target: string;
  headers: Headers;
  body: ArrayBuffer | undefined;
  signal: AbortSignal;
}

/** @throws HoldfastError `store-unavailable` when no replica gives an answer, `outcome-unknown` when one may have acted before it failed */
export type Upstream = (request: ForwardedRequest) => Promise<Response>;

/** The longest an unsafe request is waited for: longer than any service of ours takes. */
const LONGEST_MS = 30_000;
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Forwards each request to one replica in turn, and to the next one while there is no answer. A request that may have
 * been acted on is never sent twice: an unsafe one goes on only where no connection came about (RFC 9110, section 9.2.2).
 * An answer is an answer, also when it is 503.
 */
export function createUpstream({ urls, patienceMs = 2000, avoidMs = 1000 }: UpstreamOptions): Upstream {
  const avoidedUntilMs = new Map<string, number>();
  let turn = 0;
  const inOrder = () => {
    const start = turn++ % urls.length;
    const rotated = [...urls.slice(start), ...urls.slice(0, start)];
    const nowMs = performance.now();
    const avoided = (url: string) => Number((avoidedUntilMs.get(url) ?? 0) > nowMs);
    return rotated.toSorted((a, b) => avoided(a) - avoided(b));
  };
  return async ({ method, target, headers, body, signal }) => {
    const safe = safeMethods.has(method);
    let cause: unknown;
    for (const url of inOrder()) {
      const limit = AbortSignal.timeout(safe ? patienceMs : LONGEST_MS);
      try {
        return await proxy(url + target, {
          raw: new Request(url, { method, headers }),
          ...(body === undefined ? {} : { body }),
          redirect: 'manual',
          signal: AbortSignal.any([signal, limit]),
        });
      } catch (error) {
        if (signal.aborted) throw error;
        cause = error;
        avoidedUntilMs.set(url, performance.now() + avoidMs);
        if (!safe && !neverConnected(error)) throw outcomeUnknown(error);
      }
    }
    throw new HoldfastError('store-unavailable', 'No replica of the service answers right now. Try again.', { cause });
  };
}

function outcomeUnknown(cause: unknown): HoldfastError {
  const detail = 'The service was asked and did not answer: what you wanted may or may not have been done.';
  return new HoldfastError('outcome-unknown', detail, { cause });
}

function neverConnected(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT';
}

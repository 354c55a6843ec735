import type { Ledger, LedgerEntry, Operation } from './ledger.ts';

/** A replica of a service, or a Service before all of them. */
export interface WorkloadTarget {
  name: string;
  service: 'auth' | 'orders';
  url: string;
}

export interface LedgeredSession {
  id: string;
  userId: string;
  token: string;
}

export interface LedgeredUser {
  id: string;
  username: string;
  password: string;
}

/** What is asked, by which of the clients, and for whom. */
export type Question = { worker: number; target: WorkloadTarget } & (
  | { operation: 'login'; user: LedgeredUser }
  | { operation: 'validate' | 'logout' | 'order' | 'exchange'; session: LedgeredSession }
  | { operation: 'use-jwt'; session: LedgeredSession; jwt: string }
  | { operation: 'find-order'; session: LedgeredSession; orderId: string }
  | { operation: 'ping'; user: LedgeredUser }
);

/** Longer than an answer may take; who waits longer has got none. A login or logout may wait for a new primary. */
const noAnswerMs = (operation: Operation) => (['login', 'logout', 'order'].includes(operation) ? 5000 : 2000);
/** One connection in so many is not used again, so that a client meets every replica behind a Service. */
const REQUESTS_PER_CONNECTION = 4;

export interface LedgeredAnswer {
  entry: LedgerEntry;
  /** Of a login. */
  session: LedgeredSession | undefined;
  /** Of an exchange. */
  jwt: string | undefined;
}

/**
 * Sends one request and writes down what came of it.
 *
 * @param patienceMs after how many milliseconds there is no answer; as long as the product promises where it is left out
 */
export async function askLedgered(
  ledger: Ledger,
  question: Question,
  patienceMs = noAnswerMs(question.operation),
): Promise<LedgeredAnswer> {
  const { operation, worker, target } = question;
  const userId = 'user' in question ? question.user.id : question.session.userId;
  const startedAtMs = performance.now();
  let failure: string | undefined;
  const reply = await send(question, patienceMs).catch((error: Error & { cause?: { code?: string } }) => {
    failure = error.cause?.code ?? error.name;
    return undefined;
  });
  const token = (reply?.body as { token?: string } | undefined)?.token;
  const id = 'session' in question ? question.session.id : readSession(reply?.body)?.id;
  const session = reply?.status === 201 && token && id ? { id, userId, token } : undefined;
  const orderId = 'orderId' in question ? question.orderId : readOrder(reply?.body)?.id;
  const entry: LedgerEntry = {
    operation,
    worker,
    userId,
    ...(id === undefined ? {} : { sessionId: id }),
    ...(orderId === undefined ? {} : { orderId }),
    target: reply?.headers.get('x-served-by') ?? target.name,
    startedAtMs,
    endedAtMs: performance.now(),
    status: reply?.status,
    ...(failure === undefined ? {} : { failure }),
    ...describeReply(reply),
  };
  ledger.add(entry);
  return { entry, session, jwt: reply?.status === 200 ? token : undefined };
}

interface Reply {
  status: number;
  headers: Headers;
  body: unknown;
}

async function send(question: Question, patienceMs: number): Promise<Reply> {
  const { url, method, headers, body } = toRequest(question);
  // No connection is kept in a way that would let one replica have a client for ever.
  if (Math.random() * REQUESTS_PER_CONNECTION < 1) headers['connection'] = 'close';
  const signal = AbortSignal.timeout(patienceMs);
  const response = await fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

interface RequestParts {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string;
}

function toRequest(question: Question): RequestParts {
  const { operation, target } = question;
  const json = { 'content-type': 'application/json' };
  if (operation === 'login') {
    const { username, password } = question.user;
    const body = JSON.stringify({ username, password, transport: 'bearer' });
    return { url: `${target.url}/v1/sessions`, method: 'POST', headers: json, body };
  }
  if (operation === 'ping') return { url: `${target.url}/livez`, method: 'GET', headers: {} };
  const { session } = question;
  const headers = { authorization: `Bearer ${operation === 'use-jwt' ? question.jwt : session.token}` };
  switch (operation) {
    case 'exchange': {
      const body = JSON.stringify({ audience: 'orders' });
      return { url: `${target.url}/v1/token`, method: 'POST', headers: { ...json, ...headers }, body };
    }
    case 'use-jwt':
      return { url: `${target.url}/v1/orders?limit=5`, method: 'GET', headers };
    case 'validate': {
      const path = target.service === 'auth' ? '/v1/session' : '/v1/orders?limit=5';
      return { url: target.url + path, method: 'GET', headers };
    }
    case 'logout':
      return { url: `${target.url}/v1/session`, method: 'DELETE', headers };
    case 'order': {
      const body = JSON.stringify({ sku: `owner-${session.userId}`, quantity: 1 });
      const own = { ...json, ...headers, 'idempotency-key': crypto.randomUUID() };
      return { url: `${target.url}/v1/orders`, method: 'POST', headers: own, body };
    }
    case 'find-order':
      return { url: `${target.url}/v1/orders/${question.orderId}`, method: 'GET', headers };
  }
}

function describeReply(reply: Reply | undefined): Partial<LedgerEntry> {
  if (!reply) return {};
  const { code, detail } = (reply.body ?? {}) as { code?: string; detail?: string };
  const seenUserId = readSession(reply.body)?.userId ?? readOwner(reply.body);
  return {
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
    ...(seenUserId === undefined ? {} : { seenUserId }),
    setsCookie: reply.headers.has('set-cookie'),
    hasRetryAfter: reply.headers.has('retry-after'),
  };
}

function readSession(body: unknown): { id: string; userId: string } | undefined {
  return (body as { session?: { id: string; userId: string } } | undefined)?.session;
}

interface OrderBody {
  id: string;
  sku: string;
}

function readOrder(body: unknown): OrderBody | undefined {
  return (body as { order?: OrderBody } | undefined)?.order;
}

/** Whose orders these are: those of the workload's users say so. */
function readOwner(body: unknown): string | undefined {
  const { orders = [] } = (body ?? {}) as { orders?: OrderBody[] };
  const order = readOrder(body);
  return [...orders, ...(order ? [order] : [])]
    .map(({ sku }) => /^owner-(.+)$/.exec(sku)?.[1])
    .find((owner) => owner !== undefined);
}

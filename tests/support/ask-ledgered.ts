import type { Ledger, LedgerEntry } from './ledger.ts';

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
  | { operation: 'validate' | 'logout' | 'order'; session: LedgeredSession }
  | { operation: 'find-order'; session: LedgeredSession; orderId: string }
  | { operation: 'ping'; user: LedgeredUser }
);

/** Longer than an answer may take; who waits longer has got none. A login or logout may wait for a new primary. */
const NO_ANSWER_MS = { login: 5000, logout: 5000, order: 5000, validate: 2000, 'find-order': 2000, ping: 2000 };
/** One connection in so many is not used again, so that a client meets every replica behind a Service. */
const REQUESTS_PER_CONNECTION = 4;

/** Sends one request and writes down what came of it. */
export async function askLedgered(
  ledger: Ledger,
  question: Question,
): Promise<{ entry: LedgerEntry; session: LedgeredSession | undefined }> {
  const { operation, worker, target } = question;
  const userId = 'user' in question ? question.user.id : question.session.userId;
  const startedAtMs = performance.now();
  const reply = await send(question).catch(() => undefined);
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
    ...describeReply(reply),
  };
  ledger.add(entry);
  return { entry, session };
}

interface Reply {
  status: number;
  headers: Headers;
  body: unknown;
}

async function send(question: Question): Promise<Reply> {
  const { url, method, headers, body } = toRequest(question);
  // No connection is kept in a way that would let one replica have a client for ever.
  if (Math.random() * REQUESTS_PER_CONNECTION < 1) headers['connection'] = 'close';
  const signal = AbortSignal.timeout(NO_ANSWER_MS[question.operation]);
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
  const headers = { authorization: `Bearer ${session.token}` };
  switch (operation) {
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
  const { code } = (reply.body ?? {}) as { code?: string };
  const seenUserId = readSession(reply.body)?.userId ?? readOwner(reply.body);
  return {
    ...(code === undefined ? {} : { code }),
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

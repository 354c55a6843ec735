import type { Ledger, LedgerEntry, Operation } from './ledger.ts';

/** A replica of a service. */
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

export type Subject = { user: { id: string; username: string; password: string } } | { session: LedgeredSession };

/** Longer than any answer may take; who waits longer has got none. */
const NO_ANSWER_MS = 5000;

/** Sends one request to one replica and writes down what came of it. */
export async function askLedgered(
  ledger: Ledger,
  operation: Operation,
  target: WorkloadTarget,
  subject: Subject,
): Promise<{ entry: LedgerEntry; session: LedgeredSession | undefined }> {
  const userId = 'user' in subject ? subject.user.id : subject.session.userId;
  const startedAtMs = performance.now();
  const reply = await send(operation, target, subject).catch(() => undefined);
  const token = (reply?.body as { token?: string } | undefined)?.token;
  const id = 'session' in subject ? subject.session.id : readSession(reply?.body)?.id;
  const session = reply?.status === 201 && token && id ? { id, userId, token } : undefined;
  const entry: LedgerEntry = {
    operation,
    userId,
    ...(id === undefined ? {} : { sessionId: id }),
    target: target.name,
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

async function send(operation: Operation, target: WorkloadTarget, subject: Subject): Promise<Reply> {
  const [method, path] = {
    login: ['POST', '/v1/sessions'],
    validate: ['GET', target.service === 'auth' ? '/v1/session' : '/v1/orders'],
    logout: ['DELETE', '/v1/session'],
  }[operation] as [string, string];
  const headers: Record<string, string> = {};
  let body: string | undefined;
  if ('user' in subject) {
    const { username, password } = subject.user;
    headers['content-type'] = 'application/json';
    body = JSON.stringify({ username, password, transport: 'bearer' });
  } else headers['authorization'] = `Bearer ${subject.session.token}`;
  const signal = AbortSignal.timeout(NO_ANSWER_MS);
  const response = await fetch(target.url + path, { method, headers, signal, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
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

/** Whose orders these are: the workload's users have one each that says so. */
function readOwner(body: unknown): string | undefined {
  const { orders } = (body ?? {}) as { orders?: { sku: string }[] };
  return orders?.map(({ sku }) => /^owner-(.+)$/.exec(sku)?.[1]).find((owner) => owner !== undefined);
}

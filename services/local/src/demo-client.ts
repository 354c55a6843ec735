import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceNode } from './service-node.ts';

export interface DemoReply {
  status: number;
  body: unknown;
  servedBy: string;
}

export interface DemoRequest {
  method?: string;
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

const TRY_MS = 1000;

/** Sends a request as a load balancer would: to one replica, and to the next while there is no answer or a 503. */
export async function askReplicas(
  replicas: readonly ServiceNode[],
  path: string,
  request: DemoRequest,
  timeoutMs = 30_000,
): Promise<DemoReply> {
  const deadline = performance.now() + timeoutMs;
  for (let attempt = 0; performance.now() < deadline; attempt += 1) {
    const replica = replicas[attempt % replicas.length] as ServiceNode;
    const reply = await ask(replica.url + path, request).catch(() => undefined);
    if (reply && reply.status !== 503) return reply;
    await delay(20);
  }
  throw new Error(`${request.method ?? 'GET'} ${path}: no replica answered within ${timeoutMs} ms`);
}

async function ask(url: string, { method = 'GET', token, body, headers }: DemoRequest): Promise<DemoReply> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TRY_MS),
  });
  const text = await response.text();
  const servedBy = response.headers.get('x-served-by') ?? '';
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), servedBy };
}

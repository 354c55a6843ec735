import { type HttpReply, runConnection } from './load-connection.ts';
import type { LoadOrder, LoadResult } from './load-order.ts';
import { prepareRequests, toRequest } from './prepare-requests.ts';

const LOOK_MS = 0.2;

/** The load generator: a process of its own that carries out one order after the other. */
process.on('disconnect', () => process.exit(0));
process.on('message', (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: String(error.stack) }),
  );
});

async function run(order: LoadOrder): Promise<LoadResult> {
  const { ports, connections, amount, durationMs = 0, settleMs = 0, requestsPerSecond } = order;
  const clients = Array.from({ length: connections }, (_, client) => requestsOf(order, client));
  const latenciesMs: number[] = [];
  const statuses: Record<string, number> = {};
  let total = 0;
  let last = 0;
  let stopped = false;
  const startedMs = performance.now();
  const from = startedMs + settleMs;
  const everyMs = requestsPerSecond === undefined ? undefined : (connections / requestsPerSecond) * 1000;
  const coalescing = coalesceReplies();
  if (amount === undefined) setTimeout(() => (stopped = true), durationMs);
  const onReply = ({ status, tookMs }: HttpReply) => {
    total++;
    statuses[status] = (statuses[status] ?? 0) + 1;
    last = performance.now();
    if (last >= from) latenciesMs.push(tookMs);
  };
  const answered = await Promise.all(
    clients.map((requestAfter, client) => {
      // A share each, so that a pass over all sessions leaves none out.
      let left = amount === undefined ? Number.POSITIVE_INFINITY : shareOf(amount, client, connections);
      return runConnection({
        port: ports[client % ports.length] as number,
        next: (reply) => (stopped || left-- <= 0 ? undefined : requestAfter(reply)),
        onReply,
        pace: everyMs === undefined ? undefined : { firstAtMs: startedMs + (everyMs * client) / connections, everyMs },
      });
    }),
  );
  coalescing.end();
  const sorted = Float64Array.from(latenciesMs).sort();
  const percentile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    requests: total,
    requestsPerSecond: sorted.length / ((last - from) / 1000),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    statuses,
    failed: answered.filter((all) => !all).length,
  };
}

/**
 * Looks at all connections every {@link LOOK_MS} and not before, as a network card that coalesces its interrupts: a process that
 * sleeps until there is something has to be woken by whoever writes to it, which is dear for a service that answers one at a time
 * and nearly free for one that is asked so fast that its client never sleeps.
 */
function coalesceReplies(): { end(): void } {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  let ended = false;
  const look = () => {
    if (ended) return;
    Atomics.wait(nothing, 0, 0, LOOK_MS);
    setImmediate(look);
  };
  setImmediate(look);
  return {
    end: () => {
      ended = true;
    },
  };
}

const shareOf = (amount: number, client: number, clients: number) =>
  Math.floor(amount / clients) + (client < amount % clients ? 1 : 0);

/** What one connection asks, over and over. */
function requestsOf({ load, connections, offset = 0 }: LoadOrder, client: number) {
  switch (load.kind) {
    case 'each': {
      const all = prepareRequests(load.path, load.file);
      // The slices of the connections don't overlap, and begin elsewhere in every round.
      const size = Math.max(1, Math.floor(Math.min(load.limit ?? all.length, all.length) / connections));
      const first = client * size;
      let next = offset;
      return () => all[first + (next++ % size)] as Buffer;
    }
    case 'same': {
      const headers = Object.entries(load.headers).map(([name, value]) => `${name}: ${value}`);
      const request = toRequest('GET', load.path, headers);
      return () => request;
    }
    case 'login-then': {
      const login = toRequest('POST', '/session', [`x-user: login-${client}`, 'content-length: 0']);
      return (reply: HttpReply | undefined) => {
        if (reply?.status !== 201) return login;
        const cookie = /\r\nset-cookie: *([^;\r]*)/i.exec(reply.head)?.[1] ?? '';
        return toRequest('DELETE', load.path, ['sec-fetch-site: same-origin', `cookie: ${cookie}`]);
      };
    }
  }
}

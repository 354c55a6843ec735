import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { TLS_HEADER } from './arms/arm.ts';
import type { LoadOrder, LoadResult } from './load-order.ts';

/** The load generator: a process of its own that carries out one order after the other. */
process.on('disconnect', () => process.exit(0));
process.on('message', (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: String(error.stack) }),
  );
});

const files = new Map<string, string[]>();

function readLines(file: string): string[] {
  let lines = files.get(file);
  if (!lines) {
    lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    files.set(file, lines);
  }
  return lines;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const { ports, connections, amount, durationMs = 0, settleMs = 0 } = order;
  const startedAt = performance.now();
  const from = startedAt + settleMs;
  const latenciesMs: number[] = [];
  const statuses: Record<string, number> = {};
  let total = 0;
  let failed = 0;
  let last = startedAt;
  const share = (index: number, of: number) => Math.floor(of / ports.length) + (index < of % ports.length ? 1 : 0);
  let client = 0;
  const results = ports.map((port, index) => {
    const instance = autocannon(
      {
        url: `http://127.0.0.1:${port}`,
        connections: share(index, connections),
        timeout: 30,
        sampleInt: 50,
        ...(amount === undefined ? { duration: 3600 } : { amount: share(index, amount) }),
        setupClient: (connection) => connection.setRequests(requestsOf(order, client++)),
      },
      () => {},
    );
    instance.on('response', (_client, status, _bytes, responseMs) => {
      total++;
      statuses[status] = (statuses[status] ?? 0) + 1;
      last = performance.now();
      if (last >= from) latenciesMs.push(responseMs);
    });
    instance.on('reqError', () => failed++);
    if (amount === undefined) setTimeout(() => instance.stop?.(), durationMs);
    return new Promise((resolve) => instance.on('done', resolve));
  });
  await Promise.all(results);
  const sorted = Float64Array.from(latenciesMs).sort();
  const percentile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    requests: total,
    requestsPerSecond: sorted.length / ((last - from) / 1000),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    statuses,
    failed,
  };
}

/** The requests of one connection, over and over: as bytes beforehand, so that they cost the generator nothing. */
function requestsOf({ load, connections, offset = 0 }: LoadOrder, client: number): autocannon.Request[] {
  switch (load.kind) {
    case 'each': {
      const lines = readLines(load.file);
      const size = Math.max(1, Math.floor(Math.min(load.limit ?? lines.length, lines.length) / connections));
      // The slices of the connections don't overlap, and each begins elsewhere in every round.
      return Array.from({ length: size }, (_, index) => {
        const line = lines[client * size + ((index + offset) % size)] as string;
        return { method: 'GET', path: load.path, headers: { ...TLS_HEADER, ...toHeader(line) } };
      });
    }
    case 'same':
      return [{ method: 'GET', path: load.path, headers: { ...TLS_HEADER, ...load.headers } }];
    case 'login-then':
      return [
        {
          method: 'POST',
          path: '/session',
          headers: { ...TLS_HEADER, 'x-user': `login-${client}` },
          onResponse: (_status, _body, context, headers) => {
            const cookies = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'set-cookie')?.[1];
            (context as { cookie?: string }).cookie = String([cookies].flat()[0]).split(';')[0] ?? '';
          },
        },
        {
          method: 'DELETE',
          path: load.path,
          headers: {},
          setupRequest: (request, context) => ({
            ...request,
            headers: { ...TLS_HEADER, 'sec-fetch-site': 'same-origin', cookie: (context as { cookie: string }).cookie },
          }),
        },
      ];
  }
}

function toHeader(line: string): Record<string, string> {
  const colon = line.indexOf(': ');
  return { [line.slice(0, colon)]: line.slice(colon + 2) };
}

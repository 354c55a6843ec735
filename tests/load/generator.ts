import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { TLS_HEADER } from './arms/arm.ts';
import type { LoadKind, LoadOrder, LoadResult } from './load-order.ts';

/** The load generator: a process of its own that carries out one order after the other. */
process.on('disconnect', () => process.exit(0));
process.on('message', (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: String(error.stack) }),
  );
});

const prepared = new Map<string, Buffer[]>();

/** A GET with each line of the file, as bytes that are made once: the generator must cost less than what it measures. */
function prepareRequests(path: string, file: string): Buffer[] {
  let requests = prepared.get(file);
  if (!requests) {
    const start = `GET ${path} HTTP/1.1\r\nHost: bench.example\r\nConnection: keep-alive\r\n`;
    const always = Object.entries(TLS_HEADER).map(([name, value]) => `${name}: ${value}\r\n`);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    requests = lines.map((line) => Buffer.from(`${start}${always.join('')}${line}\r\n\r\n`));
    prepared.set(file, requests);
  }
  return requests;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const { ports, connections, amount, durationMs = 0, settleMs = 0 } = order;
  if (order.load.kind === 'each') prepareRequests(order.load.path, order.load.file);
  let from = Number.POSITIVE_INFINITY;
  const latenciesMs: number[] = [];
  const statuses: Record<string, number> = {};
  let total = 0;
  let failed = 0;
  let last = 0;
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
        setupClient: (connection) => setUp(connection, order, client++),
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
    const done = new Promise((resolve) => instance.on('done', resolve));
    return { instance, done };
  });
  // Setting up has taken a while, in which nothing was sent.
  from = performance.now() + settleMs;
  if (amount === undefined) setTimeout(() => results.forEach(({ instance }) => void instance.stop?.()), durationMs);
  await Promise.all(results.map(({ done }) => done));
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

/** The requests of one connection, over and over. */
function setUp(connection: autocannon.Client, order: LoadOrder, client: number): void {
  const { load, connections, offset = 0 } = order;
  if (load.kind !== 'each') {
    connection.setRequests(requestsOf(load, client));
    return;
  }
  const all = prepareRequests(load.path, load.file);
  // The slices of the connections don't overlap, and begin elsewhere in every round.
  const size = Math.max(1, Math.floor(Math.min(load.limit ?? all.length, all.length) / connections));
  const first = client * size;
  let next = offset;
  // What autocannon asks itself for before each request.
  Object.assign(connection, { getRequestBuffer: () => all[first + (next++ % size)] });
}

function requestsOf(load: Exclude<LoadKind, { kind: 'each' }>, client: number): autocannon.Request[] {
  switch (load.kind) {
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

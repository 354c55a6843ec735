/** What every request of a load is. */
export type LoadKind =
  /** GET with one line of the file after the other as a header: a different session for each request. */
  | { kind: 'each'; path: string; file: string; limit?: number }
  | { kind: 'same'; path: string; headers: Record<string, string> }
  /** A login, then a DELETE with the cookie it gave. */
  | { kind: 'login-then'; path: string };

export interface LoadOrder {
  /** Of the replicas; the connections are split among them. */
  ports: number[];
  connections: number;
  load: LoadKind;
  /** Where in the file to begin. */
  offset?: number;
  /** Exactly so many requests, or else for so long. */
  amount?: number;
  durationMs?: number;
  /** Of all connections together, evenly over time; else each connection asks as soon as it has its answer. */
  requestsPerSecond?: number;
  /** What is answered before does not count for requests per second and latencies. */
  settleMs?: number;
}

export interface LoadResult {
  requests: number;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  statuses: Record<string, number>;
  /** Requests without any answer. */
  failed: number;
}

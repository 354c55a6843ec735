/** What one arm gave in one round of one load. */
export interface Sample {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Of the service's process or processes. */
  cpuMicros: number;
  redisCpuMicros: number;
}

export interface Summary {
  median: number;
  min: number;
  max: number;
}

export interface Row extends Record<keyof Sample, Summary> {
  arm: string;
  rounds: number;
}

/** What a request costs in Redis, from a pass of exactly that many, one at a time. */
export interface Cost {
  arm: string;
  requests: number;
  roundTrips: number;
  commands: number;
  writes: number;
  replicationBytes: number;
}

export interface LoadResults {
  load: string;
  title: string;
  connections: number;
  measuredAt: string;
  rows: Row[];
  costs: Cost[];
}

/** What so many sessions take, and what a validation among them takes. */
export interface GrowthStep {
  sessionsPerUser: number;
  sessions: number;
  memoryMegabytes: number;
  bytesPerSession: number;
  /** MEMORY USAGE of a user's two keys. */
  parts: Record<'records' | 'touches', number>;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** A service after so many requests. */
export interface LeakStep {
  requests: number;
  heapMegabytes: number;
  residentMegabytes: number;
  cpuMicros: number;
}

/** What one user at the limit of sessions does to the others, and what their calls take. */
export interface GreedyUserResults {
  title: string;
  measuredAt: string;
  rounds: number;
  others: {
    title: string;
    /** Milliseconds. */
    p99Without: Summary;
    /** Beside a user who asks a Redis of its own, on the same cores. */
    p99BesideElsewhere: Summary;
    p99Beside: Summary;
    /** Beside − beside elsewhere, round by round: what the others wait for in Redis. */
    moreMs: Summary;
  }[];
  /** Of functions, at the limit, while Redis does nothing else. */
  calls: {
    title: string;
    count: number;
    /** By commandstats, the average of a round. */
    micros: Summary;
    /** By SLOWLOG, the longest of a round. */
    longestMicros: Summary;
  }[];
}

export interface Results {
  machine: string;
  versions: Record<string, string>;
  pinning: string;
  sessions: number;
  /** Of Redis memory for each of the sessions. */
  bytesPerSession: Record<string, number>;
  loads: LoadResults[];
  greedyUser?: GreedyUserResults;
  growth?: GrowthStep[];
  leak?: Record<string, LeakStep[]>;
}

export function summarizeValues(unsorted: readonly number[]): Summary {
  const values = unsorted.toSorted((a, b) => a - b);
  const round = (value: number | undefined) => Number((value ?? 0).toPrecision(4));
  const middle = values.length / 2;
  const median = ((values[Math.ceil(middle) - 1] ?? 0) + (values[Math.floor(middle)] ?? 0)) / 2;
  return { median: round(median), min: round(values[0]), max: round(values.at(-1)) };
}

export function summarize(arm: string, samples: readonly Sample[]): Row {
  const of = (name: keyof Sample) => summarizeValues(samples.map((sample) => sample[name]));
  return {
    arm,
    rounds: samples.length,
    requestsPerSecond: of('requestsPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuMicros: of('cpuMicros'),
    redisCpuMicros: of('redisCpuMicros'),
  };
}

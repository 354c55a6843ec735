/** What the runner can ask of an arm's process. */
export interface ArmCalls {
  port(): Promise<number>;
  usage(): Promise<{ cpuMicros: number; residentBytes: number }>;
  /** @returns the bytes of the heap that are still in use */
  collectGarbage(): Promise<number>;
  /** Creates sessions, and writes the request header that carries each into a file, one a line. */
  seed(firstUser: number, count: number, sessionsPerUser: number, file: string): Promise<void>;
}

export interface Call {
  id: number;
  name: keyof ArmCalls;
  args: unknown[];
}

export interface Reply {
  id: number;
  result?: unknown;
  error?: string;
}

export interface HealthOptions {
  /** What must answer for the service to be of use, by name. A check throws when it does not. */
  checks: Record<string, () => Promise<unknown>>;
  /** How long a check may take, in milliseconds; default 1000. */
  timeoutMs?: number;
  /** See {@link createHealth}; default 15,000 ms. */
  warmUpMs?: number;
}

/** What a check throws where something is there and does not take this service: time does not mend it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

export interface Readiness {
  ready: boolean;
  draining: boolean;
  /** `ok`, `failed`, `refused` or `timeout` for each check. */
  checks: Record<string, string>;
}

export interface Health {
  readonly draining: boolean;
  /** From now on the service is not ready, whatever the checks say. */
  drain(): void;
  /** @param excluded names of checks whose failure does not count */
  readiness(excluded?: readonly string[]): Promise<Readiness>;
}

/**
 * Whether requests should come here. Callers that ask at the same time share one round of checks.
 *
 * After the start no check is excluded until all have succeeded once, or the warm-up is over: connections are still being
 * made, and a network may let a new instance through after a moment only, so requests would fail here that older instances
 * can answer. Where the stores are down for longer, this instance is needed to say so. Where one of them is there and refuses this
 * instance ({@link RefusedError}), its configuration is wrong: the warm-up does not end, so a rollout keeps the older ones.
 */
export function createHealth({ checks, timeoutMs = 1000, warmUpMs = 15_000 }: HealthOptions): Health {
  const startedAt = performance.now();
  let warm = false;
  let refused = false;
  let draining = false;
  let running: Promise<[string, string][]> | undefined;
  const runChecks = () =>
    Promise.all(
      Object.entries(checks).map(
        async ([name, check]): Promise<[string, string]> => [name, await runCheck(check, timeoutMs)],
      ),
    );
  return {
    get draining() {
      return draining;
    },
    drain: () => {
      draining = true;
    },
    readiness: async (excluded = []) => {
      // Whoever wants none of the answers need not wait for them.
      const warmingUp = !warm && (refused || performance.now() - startedAt < warmUpMs);
      if (!warmingUp && Object.keys(checks).every((name) => excluded.includes(name))) {
        return { ready: !draining, draining, checks: {} };
      }
      running ??= runChecks().finally(() => {
        running = undefined;
      });
      const results = await running;
      warm ||= results.every(([, result]) => result === 'ok');
      // Until it is taken: one moment in which it is away says nothing else.
      refused ||= results.some(([, result]) => result === 'refused');
      const counted = results.filter(([name]) => (warmingUp && !warm) || !excluded.includes(name));
      const ready = !draining && counted.every(([, result]) => result === 'ok');
      return { ready, draining, checks: Object.fromEntries(counted) };
    },
  };
}

async function runCheck(check: () => Promise<unknown>, timeoutMs: number): Promise<string> {
  const { promise: timeout, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(resolve, timeoutMs, 'timeout');
  // Why a check failed is for the log of whoever failed; a probe's answer may be seen by anybody.
  const result = Promise.try(check).then(
    () => 'ok',
    (error) => (error instanceof RefusedError ? 'refused' : 'failed'),
  );
  return Promise.race([result, timeout]).finally(() => clearTimeout(timer));
}

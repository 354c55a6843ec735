export interface HealthOptions {
  /** What must answer for the service to be of use, by name. A check throws when it does not. */
  checks: Record<string, () => Promise<unknown>>;
  /** How long a check may take, in milliseconds; default 1000. */
  timeoutMs?: number;
}

export interface Readiness {
  ready: boolean;
  draining: boolean;
  /** `ok`, `failed` or `timeout` for each check. */
  checks: Record<string, string>;
}

export interface Health {
  readonly draining: boolean;
  /** From now on the service is not ready, whatever the checks say. */
  drain(): void;
  /** @param excluded names of checks whose failure does not count */
  readiness(excluded?: readonly string[]): Promise<Readiness>;
}

/** Whether requests should come here. Callers that ask at the same time share one round of checks. */
export function createHealth({ checks, timeoutMs = 1000 }: HealthOptions): Health {
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
      if (Object.keys(checks).every((name) => excluded.includes(name))) {
        return { ready: !draining, draining, checks: {} };
      }
      running ??= runChecks().finally(() => {
        running = undefined;
      });
      const results = await running;
      const counted = results.filter(([name]) => !excluded.includes(name));
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
    () => 'failed',
  );
  return Promise.race([result, timeout]).finally(() => clearTimeout(timer));
}

import type { LedgerEntry, Operation } from '../../../support/ledger.ts';
import { judgeDrill } from '../judge-drill.ts';
import type { DrillRecord } from '../run-drill.ts';

const ZERO_MS = Date.parse('2026-11-25T02:00:00Z');

/** A drill that never was: five clients, an outage from +1 s to +6 s of requests that wait and are refused. */
export function makeRecord({
  title = 'A made-up fault',
  lie = false,
}: {
  title?: string;
  lie?: boolean;
} = {}): DrillRecord {
  const entries: LedgerEntry[] = [];
  for (let worker = 0; worker < 5; worker += 1) {
    const sessionId = `session-${worker}`;
    const add = (operation: Operation, atMs: number, tookMs: number, status: number | undefined) => {
      const times = { startedAtMs: ZERO_MS + atMs, endedAtMs: ZERO_MS + atMs + tookMs };
      const who = { worker, userId: 'ann', sessionId, target: `auth-${worker % 2}` };
      entries.push({ operation, ...who, ...times, status, ...(status === 503 ? { hasRetryAfter: true } : {}) });
      return atMs + tookMs + 40;
    };
    let ms = add('login', -6000 + worker * 7, 90, 201);
    while (ms < 20_000) {
      const down = ms > 1000 && ms < 6000;
      if (!down) ms = add('validate', ms, 8, 200);
      else if (worker === 2) ms = add('validate', ms, 2000, undefined);
      else ms = add('validate', ms, worker === 1 ? 60 : 510, 503);
    }
    if (lie && worker === 0) add('validate', ms, 8, 401);
  }
  const limits = { readMs: 1000, writeMs: 7000 };
  const at = (ms: number) => ZERO_MS + ms;
  const events: DrillRecord['events'] = [
    { atMs: at(0), kind: 'fault', text: 'hf-redis-sentinel-redis-1 is stopped' },
    { atMs: at(5200), kind: 'sentinel', text: 'hf-redis-sentinel-sentinel-0 misses the primary' },
    {
      atMs: at(5900),
      kind: 'election',
      text: 'Sentinel names redis-2 as the primary',
      primary: 'hf-redis-sentinel-redis-2',
    },
    { atMs: at(9000), kind: 'undo', text: 'what was broken is mended' },
    { atMs: at(14_000), kind: 'recovery', text: 'whole again' },
  ];
  const podStates: DrillRecord['podStates'] = [
    { atMs: at(-6000), pod: 'hf-redis-sentinel-redis-1', state: 'ready' },
    { atMs: at(8000), pod: 'hf-redis-sentinel-redis-1', state: 'running' },
    { atMs: at(13_000), pod: 'hf-redis-sentinel-redis-1', state: 'ready' },
  ];
  const evidence = {
    entries,
    insideEntries: [],
    events,
    podStates,
    faultAtMs: at(0),
    endedAtMs: at(20_000),
    problem: undefined,
  };
  return {
    scenario: { name: 'made-up', title, explanation: 'What is broken, and what must hold.', limits },
    namespace: 'made-up',
    startedAtMs: at(-6000),
    primary: 'hf-redis-sentinel-redis-1',
    ...evidence,
    judgement: judgeDrill({ limits }, evidence),
  };
}

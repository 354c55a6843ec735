/**
 * Runs in a pod of the cluster, as clients do: a {@link SessionWorkload} through the Services, until it is told to stop (SIGTERM).
 * Prints `running` when it has begun, every answer as one line of JSON with times in milliseconds since the epoch, and at the
 * end how many lines that were. It needs nothing but Node and the files beside it.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LedgeredUser, WorkloadTarget } from './ask-ledgered.ts';
import type { LedgerEntry } from './ledger.ts';
import { SessionWorkload } from './session-workload.ts';

const {
  AUTH_URL = '',
  ORDERS_URL = '',
  USERS_FILE = '',
  PACE_MS = '50',
  KEEPERS = '8',
  JWT_CLIENTS = '0',
  CYCLES,
  PATIENCE_MS,
} = process.env;
const auth: WorkloadTarget = { name: 'auth', service: 'auth', url: AUTH_URL };
const orders: WorkloadTarget = { name: 'orders', service: 'orders', url: ORDERS_URL };
const stop = new Promise((resolve) => process.once('SIGTERM', resolve));

// The network policies of a new pod take a moment to be in force everywhere; until then some of its connections are refused.
for (let reached = 0; reached < 20; await delay(50)) {
  const both = await Promise.all([auth, orders].map(({ url }) => isReached(url)));
  reached = both.every(Boolean) ? reached + 1 : 0;
}
const credentials = JSON.parse(readFileSync(USERS_FILE, 'utf8')) as Omit<LedgeredUser, 'id'>[];
const users = await Promise.all(credentials.map(identify));

const workload = new SessionWorkload({
  users,
  auth: [auth],
  orders: [orders],
  // Many slow clients rather than few quick ones: whoever meets a pod that is gone waits two seconds for it, and with a node go half of
  // the pods. Reads have a gap when none of those who did not is served. All of them together ask as often, however many they are.
  keepersPerUser: Number(KEEPERS),
  pingers: Number(KEEPERS),
  jwtClients: Number(JWT_CLIENTS),
  ...(CYCLES === undefined ? {} : { cycles: Number(CYCLES) }),
  keeperPaceMs: (Number(KEEPERS) / 8) * 5 * Number(PACE_MS),
  jwtPaceMs: 5 * Number(PACE_MS),
  paceMs: Number(PACE_MS),
  ...(PATIENCE_MS === undefined ? {} : { patienceMs: Number(PATIENCE_MS) }),
  onEntry: (entry) => console.log(JSON.stringify(toEpoch(entry))),
});
console.log('running');
await stop;
const { entries } = await workload.stop();
console.log(JSON.stringify({ entries: entries.length }));

async function isReached(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/livez`, { headers: { connection: 'close' } }).catch(() => undefined);
  await answer?.text().catch(() => undefined);
  return answer?.ok === true;
}

/** Whose sessions these credentials make, by which every later answer is judged. */
async function identify({ username, password }: Omit<LedgeredUser, 'id'>): Promise<LedgeredUser> {
  for (;;) {
    const response = await fetch(`${AUTH_URL}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password, transport: 'bearer' }),
    }).catch(() => undefined);
    if (response?.status === 201) {
      const { session } = (await response.json()) as { session: { userId: string } };
      return { id: session.userId, username, password };
    }
    if (response?.status === 401) throw new Error(`the password of ${username} is not right`);
    await delay(200);
  }
}

function toEpoch(entry: LedgerEntry): LedgerEntry {
  const at = (ms: number) => Math.round((performance.timeOrigin + ms) * 10) / 10;
  return { ...entry, startedAtMs: at(entry.startedAtMs), endedAtMs: at(entry.endedAtMs) };
}

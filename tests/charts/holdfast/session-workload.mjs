// Runs in a pod of the cluster, as clients do: logs in, validates at both services (by JWT as well) and logs out, over and over, until
// the process is told to stop. Then it looks again at every session it has kept and every one it has ended, and prints what
// it found as one line of JSON.
const { AUTH_URL, ORDERS_URL, USERNAME, PASSWORD } = process.env;
const WORKERS = 4;
const PAUSE_MS = 25;

const report = {
  requests: 0,
  failures: {},
  lost: 0,
  cameBack: 0,
  falseUnauthorized: 0,
  longestGapMs: 0,
  servedBy: {},
  log: [],
};
let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
});
let lastServedAtMs = Number.POSITIVE_INFINITY;

async function ask(expected, method, url, { token, body, as = 'session' } = {}) {
  report.requests++;
  const beganAtMs = performance.now();
  let status;
  let why = '';
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    status = response.status;
    const pod = response.headers.get('x-served-by');
    if (pod) report.servedBy[pod] = (report.servedBy[pod] ?? 0) + 1;
    why = ` (${pod}, ${text.slice(0, 300)})`;
    if (status === expected) {
      const nowMs = performance.now();
      report.longestGapMs = Math.max(report.longestGapMs, Math.round(nowMs - lastServedAtMs));
      lastServedAtMs = nowMs;
      return { ok: true, body: text === '' ? undefined : JSON.parse(text) };
    }
    if (status === 401 && expected !== 401) report.falseUnauthorized++;
    if (expected === 401 && status < 300) report.cameBack++;
  } catch (error) {
    status = error.cause?.code ?? error.name;
  }
  const what = `${method} ${new URL(url).pathname.replace(/[0-9a-f-]{36}$/, '{id}')}: ${status}${as === 'session' ? '' : ` by ${as}`}`;
  if (report.log.length < 20) {
    report.log.push(`${new Date().toISOString()} ${what} after ${Math.round(performance.now() - beganAtMs)} ms${why}`);
  }
  report.failures[what] = (report.failures[what] ?? 0) + 1;
  return { ok: false, status };
}

const logIn = () =>
  ask(201, 'POST', `${AUTH_URL}/v1/sessions`, {
    body: { username: USERNAME, password: PASSWORD, transport: 'bearer' },
  });
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

const kept = [];
const ended = [];
/** Those that are about to expire first: also what was signed before the keys were rotated is validated. */
const jwts = [];
const JWT_USE_MS = 45_000;

async function useJwt(token) {
  const { ok, body } = await ask(200, 'POST', `${AUTH_URL}/v1/token`, { token, body: { audience: 'orders' } });
  if (ok) jwts.push({ jwt: body.token, untilMs: performance.now() + JWT_USE_MS });
  while (jwts[0]?.untilMs < performance.now()) jwts.shift();
  for (const { jwt } of [jwts[0], jwts.at(-1)].filter(Boolean)) {
    await ask(200, 'GET', `${ORDERS_URL}/v1/orders?limit=1`, { token: jwt, as: 'JWT' });
  }
}

async function work() {
  while (!stopping) {
    const { ok, body } = await logIn();
    await pause();
    if (!ok) continue;
    const { token } = body;
    for (let round = 0; round < 20 && !stopping; round++) {
      await ask(200, 'GET', `${AUTH_URL}/v1/session`, { token });
      await ask(200, 'GET', `${ORDERS_URL}/v1/orders?limit=1`, { token });
      if (round % 10 === 0) await useJwt(token);
      await pause();
    }
    if (kept.length < 40 && Math.random() < 0.5) kept.push(token);
    else if ((await ask(204, 'DELETE', `${AUTH_URL}/v1/session`, { token })).ok) {
      ended.push(token);
      await ask(401, 'GET', `${ORDERS_URL}/v1/orders`, { token });
    }
  }
}

/** Asks until the store has said what became of the session; an outage says nothing about that. */
async function untilAnswered(question) {
  for (let attempt = 0; ; attempt++) {
    const { ok, status } = await question();
    const answered = ok || (typeof status === 'number' && status !== 503);
    if (answered || attempt > 100) return status;
    await pause();
  }
}

// The network policies of a new pod take a moment to be in force; until then its connections are refused.
for (const url of [AUTH_URL, ORDERS_URL]) {
  while (!(await fetch(`${url}/livez`).catch(() => undefined))?.ok) await pause();
}
console.log('running');
lastServedAtMs = performance.now();
await Promise.all(Array.from({ length: WORKERS }, work));
for (const token of kept)
  if ((await untilAnswered(() => ask(200, 'GET', `${ORDERS_URL}/v1/orders?limit=1`, { token }))) === 401) report.lost++;
for (const token of ended) await untilAnswered(() => ask(401, 'GET', `${AUTH_URL}/v1/session`, { token }));
console.log(JSON.stringify({ ...report, kept: kept.length, ended: ended.length }));

// Logs in, places an order with the session, reads it back, exchanges the session for a JWT, logs out, and makes sure
// that nobody knows the session any more; then signs in on the pages, as a person does, and out again. Run in the cluster by `helm test` and `skaffold verify`.
const { AUTH_URL, ORDERS_URL, USERNAME, PASSWORD } = process.env;
const json = { 'content-type': 'application/json' };

async function ask(expected, method, url, { token, body, headers } = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...json, ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  const line = `${method} ${url} ${response.status}`;
  if (response.status !== expected) throw new Error(`${line}, expected ${expected}: ${text}`);
  console.log(`${line} ${response.headers.get('x-served-by') ?? ''}`);
  return text === '' ? undefined : JSON.parse(text);
}

// The network policies of a new pod take a moment to be in force; until then its connections are refused.
const deadline = Date.now() + 60_000;
for (const url of [AUTH_URL, ORDERS_URL]) {
  while (!(await fetch(`${url}/livez`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined))?.ok) {
    if (Date.now() > deadline) throw new Error(`${url} can't be reached from this pod: see networkPolicy.clientLabels`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const credentials = { username: USERNAME, password: PASSWORD, transport: 'bearer' };
const { token, session } = await ask(201, 'POST', `${AUTH_URL}/v1/sessions`, { body: credentials });
const order = { sku: 'helm-test', quantity: 1 };
const placed = await ask(201, 'POST', `${ORDERS_URL}/v1/orders`, {
  token,
  body: order,
  headers: { 'idempotency-key': session.id },
});
const read = await ask(200, 'GET', `${ORDERS_URL}/v1/orders/${placed.order.id}`, { token });
if (read.order.sku !== order.sku) throw new Error(`the order came back as ${JSON.stringify(read)}`);
const jwt = await ask(200, 'POST', `${AUTH_URL}/v1/token`, { token, body: { audience: 'orders' } });
await ask(200, 'GET', `${ORDERS_URL}/v1/orders`, { token: jwt.token });
await ask(204, 'DELETE', `${AUTH_URL}/v1/session`, { token });
await ask(401, 'GET', `${ORDERS_URL}/v1/orders`, { token });

/** A page, or a form of one, as a browser on the site sends it. */
async function visit(expected, url, { cookie, form } = {}) {
  const response = await fetch(url, {
    method: form ? 'POST' : 'GET',
    headers: { 'sec-fetch-site': 'same-origin', ...(cookie ? { cookie } : {}) },
    body: form && new URLSearchParams(form),
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  const line = `${form ? 'POST' : 'GET'} ${url} ${response.status}`;
  if (response.status !== expected) throw new Error(`${line}, expected ${expected}: ${text}`);
  console.log(`${line} ${response.headers.get('x-served-by') ?? ''}`);
  return { text, cookie: response.headers.getSetCookie()[0]?.split(';')[0] };
}

await visit(303, `${ORDERS_URL}/orders`);
const form = { username: USERNAME, password: PASSWORD, return: '/orders' };
const { cookie } = await visit(303, `${AUTH_URL}/auth/sign-in`, { form });
const page = await visit(200, `${ORDERS_URL}/orders`, { cookie });
if (!page.text.includes(order.sku)) throw new Error('the orders page does not show the order');
await visit(303, `${AUTH_URL}/auth/sign-out`, { cookie, form: {} });
await visit(303, `${ORDERS_URL}/orders`, { cookie });
console.log('ok');

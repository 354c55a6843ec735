import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../support/poll-until.ts';
import { startOidc, type TestSingleSignOn } from '../support/start-oidc.ts';
import { TestBrowser } from '../support/test-browser.ts';

let sso: TestSingleSignOn;
let [first, second] = ['', ''];

const directoryGroup = 'cn=Clerks, ou=Groups,dc=example,dc=org';
const rolesMap = { admins: 'admin', [directoryGroup]: 'clerk' };

beforeAll(async () => {
  sso = await startOidc(() => ({ LOGIN_FAILURES_PER_ADDRESS: '3', OIDC_ROLES_MAP: JSON.stringify(rolesMap) }));
  [first, second] = [sso.auth[0].url, sso.auth[1].url];
});
afterAll(() => sso?.[Symbol.asyncDispose]());

let lastAddress = 0;
/** With an address of its own, so that tests don't share the counters. */
const openBrowser = () => new TestBrowser({ 'x-forwarded-for': `203.0.113.${++lastAddress}` });
/** As a browser says that a page of this site led there. */
const fromOwnPage = { 'sec-fetch-site': 'same-origin' };
const person = () => `person-${crypto.randomUUID()}`;

/** A refusal in a browser is a page, which leaves every cookie as it is. Its words may change; its code is in the log. */
async function expectPage(response: Response, status: number, code: string) {
  expect([response.status, response.headers.get('content-type')]).toEqual([
    status,
    expect.stringMatching(/^text\/html/),
  ]);
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(await response.text()).toMatch(/<h1>.+<\/h1>/);
  const requestId = response.headers.get('x-request-id') ?? '?';
  const line = await pollUntil('the request in the log', 5000, async () => {
    const lines = (await sso.readLogs()).split('\n');
    return lines.find((each) => each.includes(`"requestId":"${requestId}"`) && each.includes('"status":'));
  });
  expect(JSON.parse(line)).toMatchObject({ status, code });
}

/** Begins a sign-in, and starts the provider where it is down. */
async function begin(browser: TestBrowser, query = ''): Promise<Response> {
  await sso.provider.start();
  return await pollUntil('single sign-on', 10_000, async () => {
    const begun = await browser.send(`${first}/auth/oidc/login${query}`, { headers: fromOwnPage });
    return begun.status === 303 && begun;
  });
}

/** Up to where the provider sends the browser back. */
async function toCallback(browser: TestBrowser, name = person(), query = '', tamper = (url: URL) => url) {
  const begun = await begin(browser, query);
  return await sso.provider.signIn(browser, tamper(new URL(begun.headers.get('location') ?? '')), name);
}

async function whoAmI(browser: TestBrowser, url = first) {
  const response = await browser.send(`${url}/v1/session`);
  const { session } = (await response.json()) as { session?: { id: string; userId: string; roles: string[] } };
  return { status: response.status, session };
}

describe('while the provider is down', () => {
  test('auth starts, passwords work, and single sign-on says when to ask again', async () => {
    const login = await fetch(`${first}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...sso.user, transport: 'bearer' }),
    });
    expect(login.status).toBe(201);
    for (const path of ['/auth/oidc/login', '/auth/oidc/logout']) {
      const response = await fetch(`${first}${path}`, { redirect: 'manual', headers: fromOwnPage });
      expect(response.headers.get('retry-after')).toBe('2');
      await expectPage(response, 503, 'provider-unavailable');
    }
  });

  test('once it is there, it is used without a restart', async () => {
    await sso.provider.start();
    for (const url of [first, second]) {
      await pollUntil('single sign-on', 10_000, async () => {
        const response = await fetch(`${url}/auth/oidc/login`, { redirect: 'manual', headers: fromOwnPage });
        return response.status === 303;
      });
    }
  });
});

describe('signing in', () => {
  test('leads through the provider and back to where the person was, with a session like any other', async () => {
    const browser = openBrowser();
    const name = person();
    const callback = await toCallback(browser, name, '?return_to=/orders%3Fpage%3D2%23top');
    const done = await browser.send(callback);
    expect([done.status, done.headers.get('location')]).toEqual([303, '/orders?page=2#top']);
    expect(done.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^__Host-hf=hf1_[\w-]{70}; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/),
      expect.stringMatching(/^__Host-hf-oidc-[\w-]{16}=; Path=\/; Max-Age=0; HttpOnly; Secure; SameSite=Lax$/),
      expect.stringMatching(
        /^__Secure-hf-id-token=[\w.-]+; Path=\/auth\/oidc\/logout; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ]);
    const { session } = await whoAmI(browser);
    expect(session).toMatchObject({ userId: expect.stringMatching(/^oidc:[\w-]{43}$/), roles: ['customer'] });
    expect((await whoAmI(browser, second)).session?.id).toBe(session?.id);
    const logs = await sso.readLogs();
    const entry = logs.split('\n').find((line) => line.includes(session?.id ?? '-') && line.includes('"login-ok"'));
    expect(JSON.parse(entry ?? '{}')).toMatchObject({ subject: name, issuer: sso.provider.issuer });
  });

  test('is asked of the provider with PKCE, a state and a nonce, none of which the URL gives away', async () => {
    const browser = openBrowser();
    const begun = await begin(browser);
    const query = new URL(begun.headers.get('location') ?? '').searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
    const [cookie = ''] = begun.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-hf-oidc-[\w-]{16}=[^;]+; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/);
    for (const secret of ['state', 'nonce']) expect(cookie).not.toContain(query.get(secret));
  });

  test('is finished by another replica than it was begun with', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    const done = await browser.send(callback.href.replace(first, second));
    expect(done.status).toBe(303);
    expect(done.headers.get('x-served-by')).toBe('auth-2');
    expect((await whoAmI(browser)).status).toBe(200);
  });

  test('of two tabs: each gets to its own place, in whatever order they come back', async () => {
    const browser = openBrowser();
    const name = person();
    const one = await toCallback(browser, name, '?return_to=/one');
    const two = await toCallback(browser, name, '?return_to=/two');
    for (const [callback, place] of [
      [two, '/two'],
      [one, '/one'],
    ] as const) {
      expect((await browser.send(callback)).headers.get('location')).toBe(place);
    }
    expect((await whoAmI(browser)).status).toBe(200);
  });

  test('again and again without finishing keeps no more than a few attempts in the browser', async () => {
    const browser = openBrowser();
    for (let attempt = 0; attempt < 12; attempt++) await begin(browser);
    expect([...browser.cookies.keys()].filter((name) => name.startsWith('__Host-hf-oidc-'))).toHaveLength(4);
    expect((await browser.send(await toCallback(browser))).status).toBe(303);
  });

  test('gives the roles that the mapping has for the claim, and no others', async () => {
    const browser = openBrowser();
    await browser.send(await toCallback(browser, 'root'));
    expect((await whoAmI(browser)).session?.roles).toEqual(['customer', 'admin']);
  });

  test('gives the roles of groups that are named as in a directory, with commas', async () => {
    const browser = openBrowser();
    sso.provider.changeIdToken = (claims) => ({ ...claims, groups: ['cn=Clerks', 'clerk', directoryGroup] });
    try {
      await browser.send(await toCallback(browser));
    } finally {
      sso.provider.changeIdToken = undefined;
    }
    expect((await whoAmI(browser)).session?.roles).toEqual(['customer', 'clerk']);
  });

  test('replaces the session that the browser had', async () => {
    const browser = openBrowser();
    const name = person();
    await browser.send(await toCallback(browser, name));
    const old = browser.cookies.get('__Host-hf') ?? '';
    await browser.send(await toCallback(browser, name));
    const response = await fetch(`${first}/v1/session`, { headers: { authorization: `Bearer ${old}` } });
    expect(await response.json()).toMatchObject({ status: 401, code: 'session-revoked' });
    expect((await whoAmI(browser)).status).toBe(200);
  });

  test('counts as an authentication from when the provider saw the person, not from now', async () => {
    const browser = openBrowser();
    const name = person();
    await browser.send(await toCallback(browser, name, '?max_age=3600'));
    const authenticatedAt = Number(sso.provider.claimsOf(name)['auth_time']);
    await pollUntil('a second to pass', 5000, () => Date.now() / 1000 > authenticatedAt + 2);
    await browser.send(await toCallback(browser, name, '?max_age=3600'));
    const response = await browser.send(`${first}/v1/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: '{"audience":"orders"}',
    });
    const { token } = (await response.json()) as { token: string };
    expect(authenticatedAt).toBeGreaterThan(0);
    expect(decodeJwt(token)['auth_time']).toBe(authenticatedAt);
  });
});

test('a person whose proof is too old is asked again by the provider, and then has a recent one', async () => {
  const browser = openBrowser();
  const name = person();
  const authTime = () => Number(sso.provider.claimsOf(name)['auth_time']);
  await browser.send(await toCallback(browser, name, '?max_age=3600'));
  const firstTime = authTime();
  await pollUntil('a second to pass', 5000, () => Date.now() / 1000 > firstTime + 2);
  // The provider still knows the person, and would not ask by itself.
  const begun = await begin(browser, '?max_age=0');
  const asked = await browser.visit(begun.headers.get('location') ?? '');
  expect(await asked.response?.text()).toContain('name="password"');
  expect((await browser.send(await toCallback(browser, name, '?max_age=0'))).status).toBe(303);
  expect(authTime()).toBeGreaterThan(firstTime);
  expect((await whoAmI(browser)).status).toBe(200);
});

describe('a recent login', () => {
  const now = () => Math.floor(Date.now() / 1000);
  /** Signs an admin in with a provider that says so of when it saw them. */
  async function signInWith(authTime: unknown, query: string) {
    const browser = openBrowser();
    sso.provider.changeIdToken = ({ auth_time: _, ...claims }) =>
      authTime === undefined ? claims : { ...claims, auth_time: authTime };
    try {
      const callback = await toCallback(browser, 'root', query);
      return { browser, done: await browser.send(callback) };
    } finally {
      sso.provider.changeIdToken = undefined;
    }
  }
  /** What needs a recent login: an admin signs somebody out everywhere. */
  const endSessions = (browser: TestBrowser) =>
    browser.send(`${first}/v1/users/nobody/sessions`, {
      method: 'DELETE',
      headers: { 'sec-fetch-site': 'same-origin' },
    });

  test.each<[string, unknown]>([
    ['says nothing of the time', undefined],
    ['saw them ten hours ago', now() - 36_000],
    ['saw them at 0', 0],
    ['tells milliseconds', Date.now()],
    ['tells a time to come', now() + 3600],
    ['tells 1e300', 1e300],
  ])('is not what a silent sign-on proves with a provider that %s', async (_, authTime) => {
    const { browser, done } = await signInWith(authTime, '');
    expect(done.status).toBe(303);
    expect((await whoAmI(browser)).session?.roles).toContain('admin');
    const refused = await endSessions(browser);
    expect([refused.status, await refused.json()]).toEqual([
      401,
      expect.objectContaining({ code: 'reauthentication-required' }),
    ]);
    const page = await (await browser.send(`${first}/auth`)).text();
    expect(page).toContain(`Signed in</dt><dd><time datetime="${new Date().toISOString().slice(0, 10)}`);
  });

  test('is one where the provider has just seen the person, by a clock that is a little ahead', async () => {
    const { browser } = await signInWith(now() + 10, '');
    expect((await endSessions(browser)).status).toBe(200);
  });

  test.each<[string, unknown]>([
    ['says nothing of the time', undefined],
    ['saw them ten hours ago', now() - 36_000],
    ['saw them two minutes ago', now() - 120],
    ['saw them at 0', 0],
    ['tells a negative time', -1],
    ['tells a text', String(now())],
    ['tells milliseconds', Date.now()],
    ['tells a time to come', now() + 3600],
    ['tells 1e300', 1e300],
  ])('where one is asked for: who comes back from a provider that %s is not signed in', async (_, authTime) => {
    const { browser, done } = await signInWith(authTime, '?max_age=0');
    await expectPage(done, 400, 'sign-in-failed');
    expect((await whoAmI(browser)).status).toBe(401);
  });

  test('is asked of the provider in both ways it may know', async () => {
    const begun = await begin(openBrowser(), '?max_age=0');
    const query = new URL(begun.headers.get('location') ?? '').searchParams;
    expect([query.get('max_age'), query.get('prompt')]).toEqual(['0', 'login']);
    const later = await begin(openBrowser(), '?max_age=600');
    const relaxed = new URL(later.headers.get('location') ?? '').searchParams;
    expect([relaxed.get('max_age'), relaxed.get('prompt')]).toEqual(['600', null]);
  });

  test('lets an admin do what needs it, after having been led to sign in once more', async () => {
    const { browser } = await signInWith(undefined, '');
    expect((await endSessions(browser)).status).toBe(401);
    expect((await browser.send(await toCallback(browser, 'root', '?max_age=0'))).status).toBe(303);
    expect((await endSessions(browser)).status).toBe(200);
  });
});

describe('a link from outside this site', () => {
  const led = (headers: Record<string, string>) => ({ headers });

  test.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling host', { 'sec-fetch-site': 'same-site' }],
    ['a page that has it fetched ahead of time', { ...fromOwnPage, 'sec-purpose': 'prefetch' }],
    ['an address that the browser guesses', { 'sec-fetch-site': 'none', 'sec-purpose': 'prefetch;prerender' }],
    ['another site, to an old browser', { referer: 'https://evil.example/auth/sign-in' }],
    ['another site that does not tell, to an old browser', {}],
    ['a value that is not known', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ])('signs nobody in and ends no session; the person is asked: %s', async (_, headers) => {
    const browser = openBrowser();
    expect((await browser.send(await toCallback(browser))).status).toBe(303);
    const cookies = new Map(browser.cookies);
    const asked = await browser.send(`${first}/auth/oidc/login?return_to=/orders%3Fa%3D1&max_age=0`, led(headers));
    const text = await asked.text();
    expect([asked.status, asked.headers.get('location'), asked.headers.getSetCookie()]).toEqual([200, null, []]);
    expect(text).toContain('Signing in again ends that session');
    expect(browser.cookies).toEqual(cookies);
    expect((await whoAmI(browser)).status).toBe(200);
    // What the person is asked leads on to what the link was for.
    expect(text).toContain('href="/auth/oidc/login?return_to=%2Forders%3Fa%3D1&amp;max_age=0">Go on and sign in</a>');
  });

  test.each<[string, () => Record<string, string>]>([
    ['a page of this site', () => fromOwnPage],
    ['nobody: the address was typed', () => ({ 'sec-fetch-site': 'none' })],
    ['a page of this site, in an old browser', () => ({ referer: `${first}/auth/sign-in` })],
  ])('is not one from %s: that leads on at once', async (_, headers) => {
    const begun = await openBrowser().send(`${first}/auth/oidc/login`, led(headers()));
    expect([begun.status, new URL(begun.headers.get('location') ?? '').origin]).toEqual([303, sso.provider.issuer]);
  });

  test('of the provider’s own (third-party initiated login) asks too, and takes nothing from it but where to go', async () => {
    const query = new URLSearchParams({ iss: 'https://evil.example', login_hint: 'mallory', return_to: '/orders' });
    const asked = await fetch(`${first}/auth/oidc/login?${query}`, led({ 'sec-fetch-site': 'cross-site' }));
    const text = await asked.text();
    expect(asked.status).toBe(200);
    expect(text).toContain('href="/auth/oidc/login?return_to=%2Forders"');
    expect(text).not.toMatch(/mallory|evil/);
    expect(text).not.toContain('Signing in again');
    const posted = await fetch(`${first}/auth/oidc/login`, {
      method: 'POST',
      body: query,
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    await expectPage(posted, 403, 'csrf-rejected');
  });

  test('can’t have a sign-in with a password lead on to one with the provider', async () => {
    const page = await (await fetch(`${first}/auth/sign-in?return_to=/auth/oidc/login`)).text();
    expect(page).not.toContain('return_to');
    const body = new URLSearchParams({ ...sso.user, return_to: '/auth/oidc/login' });
    const done = await openBrowser().send(`${first}/auth/sign-in`, { method: 'POST', body, headers: fromOwnPage });
    expect([done.status, done.headers.get('location')]).toEqual([303, '/auth']);
  });
});

describe('nobody is signed in by', () => {
  test('another browser’s callback (login CSRF); the browser that began can still finish', async () => {
    const [attacker, victim] = [openBrowser(), openBrowser()];
    const callback = await toCallback(attacker);
    // One that has begun a sign-in of its own is no better off.
    await begin(victim);
    await expectPage(await victim.send(callback), 400, 'sign-in-failed');
    expect((await whoAmI(victim)).status).toBe(401);
    expect((await attacker.send(callback)).status).toBe(303);
  });

  test('a code of another sign-in (code injection): PKCE and the nonce bind it to its own', async () => {
    const [attacker, victim] = [openBrowser(), openBrowser()];
    const [stolen, own] = [await toCallback(attacker), await toCallback(victim)];
    own.searchParams.set('code', stolen.searchParams.get('code') ?? '');
    await expectPage(await victim.send(own), 400, 'sign-in-failed');
    expect((await whoAmI(victim)).status).toBe(401);
  });

  test('a state that this browser did not begin with', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    const state = callback.searchParams.get('state') ?? '';
    callback.searchParams.set('state', `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`);
    await expectPage(await browser.send(callback), 400, 'sign-in-failed');
    callback.searchParams.delete('state');
    await expectPage(await browser.send(callback), 400, 'invalid-request');
  });

  test('a callback that comes again, even with the cookie of the first time', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    const replay = openBrowser();
    for (const [name, value] of browser.cookies) replay.cookies.set(name, value);
    expect((await browser.send(callback)).status).toBe(303);
    await expectPage(await browser.send(callback), 400, 'sign-in-failed');
    await expectPage(await replay.send(callback), 400, 'sign-in-failed');
    expect((await whoAmI(replay)).status).toBe(401);
  });

  test('an ID token with another nonce', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser, person(), '', (url) => {
      url.searchParams.set('nonce', 'of-somebody-else');
      return url;
    });
    await expectPage(await browser.send(callback), 400, 'sign-in-failed');
  });

  test('a sign-in cookie that was changed', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    for (const [name, value] of browser.cookies) {
      if (name.startsWith('__Host-hf-oidc-')) browser.cookies.set(name, `${value.slice(0, -4)}AAAA`);
    }
    await expectPage(await browser.send(callback), 400, 'sign-in-failed');
  });

  test('a provider that says no', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    callback.searchParams.set('error_description', 'hunter2');
    const response = await browser.send(callback);
    expect(await response.clone().text()).not.toContain('hunter2');
    await expectPage(response, 400, 'sign-in-failed');
  });

  test('trying codes: failures are counted by address', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    const guess = new URL(callback);
    for (let attempt = 0; attempt < 3; attempt++) {
      guess.searchParams.set('code', `guess-${attempt}`);
      expect((await browser.send(guess)).status).toBe(400);
    }
    const limited = await browser.send(callback);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    await expectPage(limited, 429, 'rate-limited');
  });
});

test.each([
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '/..//evil.example',
  '/%2e//evil.example',
  'javascript:alert(1)',
  'orders',
  '',
])('nobody is led to another site afterwards: return_to=%j', async (path) => {
  const response = await fetch(`${first}/auth/oidc/login?return_to=${encodeURIComponent(path)}`, {
    redirect: 'manual',
  });
  await expectPage(response, 400, 'invalid-request');
});

describe('an outage in the middle of a sign-in ends it for nobody: the same callback works when it is over', () => {
  test('of the provider', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    await sso.provider.stop();
    await expectPage(await browser.send(callback), 503, 'provider-unavailable');
    await sso.provider.start();
    expect((await browser.send(callback)).status).toBe(303);
  });

  test('of a provider that takes connections and answers nothing', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    await sso.provider.stop();
    const silent = createServer(() => {}).listen(Number(new URL(sso.provider.issuer).port), '127.0.0.1');
    try {
      await once(silent, 'listening');
      await expectPage(await browser.send(callback), 503, 'provider-unavailable');
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
    await sso.provider.start();
    expect((await browser.send(callback)).status).toBe(303);
  });

  test('of the store', async () => {
    const browser = openBrowser();
    const callback = await toCallback(browser);
    await sso.redis.killed();
    await expectPage(await browser.send(callback), 503, 'store-unavailable');
    await sso.redis.start();
    await pollUntil('auth to have Redis back', 10_000, async () => (await fetch(`${first}/readyz`)).ok);
    expect((await browser.send(callback)).status).toBe(303);
    expect((await whoAmI(browser)).status).toBe(200);
  });
});

test('a client’s secret that the provider refuses is nobody’s failed login; mended, it is used without a restart', async () => {
  const browser = openBrowser();
  const file = join(sso.redis.folder, 'client-secret');
  const finish = async () => (await browser.send(await toCallback(browser))).status;
  await writeFile(file, 'another secret\n');
  await pollUntil('the wrong secret to be used', 20_000, async () => (await finish()) === 500);
  expect(await finish()).toBe(500);
  expect(await sso.readLogs()).toContain('check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET_FILE');
  await writeFile(file, `${sso.clientSecret}\n`);
  await pollUntil('the right secret to be used', 20_000, async () => (await finish()) === 303);
  expect(await finish()).toBe(303);
});

test('the page to sign in on leads to single sign-on, and from there to where the person was', async () => {
  const page = await (await fetch(`${first}/auth/sign-in?return_to=/orders%3Fa%3Db`)).text();
  expect(page).toContain('<a class="button quiet wide" href="/auth/oidc/login?return_to=%2Forders%3Fa%3Db">');
  // The same name on every way.
  expect(page).toContain('<input type="hidden" name="return_to" value="/orders?a=b">');
  // Where a recent proof is needed, the provider is to ask, though it knows the person: else they would come back for ever.
  const anew = await fetch(`${first}/auth/sign-in?return_to=/orders&reason=reauthentication-required`);
  expect(await anew.text()).toContain('href="/auth/oidc/login?return_to=%2Forders&amp;max_age=0"');
  expect(await (await fetch(`${first}/auth/signed-out`)).text()).toContain('href="/auth/oidc/logout"');
});

test('every route is in the OpenAPI document, and takes no other method', async () => {
  const { paths } = (await (await fetch(`${first}/openapi.json`)).json()) as { paths: Record<string, object> };
  const routes = Object.entries(paths).filter(([path]) => path.startsWith('/auth/oidc/'));
  expect(Object.fromEntries(routes.map(([path, methods]) => [path, Object.keys(methods)]))).toEqual({
    '/auth/oidc/login': ['get'],
    '/auth/oidc/callback': ['get'],
    '/auth/oidc/logout': ['get'],
    '/auth/oidc/frontchannel-logout': ['get'],
    '/auth/oidc/backchannel-logout': ['post'],
  });
  for (const [path, methods] of routes) {
    const method = 'get' in methods ? 'POST' : 'GET';
    const response = await fetch(`${first}${path}`, { method, headers: { 'sec-fetch-site': 'same-origin' } });
    expect([path, response.status]).toEqual([path, 405]);
  }
});

test.each([
  ['login', '?max_age=soon'],
  ['login', '?max_age=-1'],
  ['login', '?return_to=/a&return_to=/b'],
  ['callback', ''],
  ['callback', '?state='],
  ['callback', `?state=${'s'.repeat(513)}`],
  ['callback', '?state=a&state=b'],
])('a %s that makes no sense is refused: %s', async (route, query) => {
  await expectPage(await fetch(`${first}/auth/oidc/${route}${query}`, { redirect: 'manual' }), 400, 'invalid-request');
});

describe('signing out at a provider that wants the ID token of the sign-in', () => {
  beforeAll(async () => {
    await sso.provider.start();
    sso.provider.requiresIdTokenHint = true;
  });
  afterAll(() => {
    sso.provider.requiresIdTokenHint = false;
  });
  const toProvider = async (browser: TestBrowser) => {
    const led = await browser.send(`${first}/auth/oidc/logout`, { headers: fromOwnPage });
    return new URL(led.headers.get('location') ?? '').searchParams;
  };

  test('leads back to this site; from either replica, and also after this site’s own session is over', async () => {
    for (const url of [first, second]) {
      const browser = openBrowser();
      const name = person();
      await browser.send(await toCallback(browser, name));
      await browser.send(`${first}/auth/sign-out`, { method: 'POST', headers: fromOwnPage });
      expect((await whoAmI(browser)).status).toBe(401);
      const done = await sso.provider.signOut(browser, `${url}/auth/oidc/logout`);
      expect(done.url.href).toBe(`${first}/auth/signed-out`);
      expect(sso.provider.idTokenHints.at(-1)).toBe(sso.provider.idTokens.get(name)?.at(-1));
      // The provider knows nobody any more.
      const begun = await begin(browser);
      const asked = await browser.visit(begun.headers.get('location') ?? '');
      expect(await asked.response?.text()).toContain('name="password"');
    }
  });

  test('of two people after each other in one browser, it is the ID token of the last', async () => {
    const browser = openBrowser();
    await browser.send(await toCallback(browser, person()));
    const last = person();
    await sso.provider.signOut(browser, `${first}/auth/oidc/logout`);
    await browser.send(await toCallback(browser, last));
    expect((await toProvider(browser)).get('id_token_hint')).toBe(sso.provider.idTokens.get(last)?.at(-1));
  });

  test.each([
    ['no cookie', () => undefined],
    ['a cookie that was changed', (value: string) => `${value.slice(0, -4)}AAAA`],
    ['an ID token that somebody else has put there', () => sso.provider.idTokens.values().next().value?.[0]],
  ])('asks without it where there is %s', async (_, change) => {
    const browser = openBrowser();
    await browser.send(await toCallback(browser));
    const changed = change(browser.cookies.get('__Secure-hf-id-token') ?? '');
    if (changed === undefined) browser.cookies.delete('__Secure-hf-id-token');
    else browser.cookies.set('__Secure-hf-id-token', changed);
    const query = await toProvider(browser);
    expect([query.get('id_token_hint'), query.get('client_id')]).toEqual([null, 'holdfast']);
  });

  test('an ID token that is too long to keep hinders no sign-in, and the log says so', async () => {
    const browser = openBrowser();
    await browser.send(await toCallback(browser));
    const ids = Array.from({ length: 200 }, () => crypto.randomUUID());
    sso.provider.changeIdToken = (claims) => ({ ...claims, ids });
    try {
      const done = await browser.send(await toCallback(browser));
      expect(done.status).toBe(303);
      const headers = [...done.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
      expect(headers.length).toBeLessThan(4096);
    } finally {
      sso.provider.changeIdToken = undefined;
    }
    // Nor is the one of the sign-in before.
    expect(browser.cookies.has('__Secure-hf-id-token')).toBe(false);
    const warning = 'the ID token is too long to be kept';
    await pollUntil('the warning in the log', 5000, async () => (await sso.readLogs()).includes(warning));
  });

  test('is nothing that a link on another site can do: it asks', async () => {
    const browser = openBrowser();
    await browser.send(await toCallback(browser));
    for (const site of ['cross-site', 'same-site']) {
      const asked = await browser.send(`${first}/auth/oidc/logout`, { headers: { 'sec-fetch-site': site } });
      expect([asked.status, asked.headers.get('location')]).toEqual([200, null]);
      expect(await asked.text()).toContain('href="/auth/oidc/logout">Sign out</a>');
    }
  });
});

test('neither codes, nor tokens, nor the client’s secret are in the logs or in Redis', async () => {
  const browser = openBrowser();
  const name = person();
  const callback = await toCallback(browser, name);
  await browser.send(callback);
  const admin = sso.redis.admin();
  const keys = await admin.keys('*');
  const contents = await Promise.all(
    keys.map(async (key) => {
      const type = await admin.type(key);
      if (type === 'hash') return Object.values(await admin.hgetall(key)).join();
      return type === 'zset' ? (await admin.zrange(key, '0', '-1')).join() : await admin.get(key);
    }),
  );
  const everything = (await sso.readLogs()) + keys.join() + contents.join();
  const secrets = {
    code: callback.searchParams.get('code') ?? '?',
    state: callback.searchParams.get('state') ?? '?',
    'ID token': sso.provider.idTokens.get(name)?.[0] ?? '?',
    'session token': browser.cookies.get('__Host-hf') ?? '?',
    'kept ID token': browser.cookies.get('__Secure-hf-id-token') ?? '?',
    'client secret': sso.clientSecret,
  };
  for (const [what, secret] of Object.entries(secrets)) expect(everything, what).not.toContain(secret);
  // The provider's session is known by its hash only.
  const { sid } = sso.provider.claimsOf(name);
  expect(sid).toEqual(expect.any(String));
  expect(keys.join() + contents.join()).not.toContain(sid);
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuth, PASSWORD, type TestAuth } from '../support/auth-app.ts';
import { pollUntil } from '../support/poll-until.ts';

let auth: TestAuth;

beforeAll(async () => {
  auth = await createTestAuth();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

/** A client address of its own, so that tests don't share the counters. */
let lastAddress = 0;
const fromNewAddress = () => ({ 'x-forwarded-for': `203.0.113.${++lastAddress}` });
const signIn = (form: Record<string, string>, headers: Record<string, string> = fromNewAddress()) =>
  auth.ask('POST', '/auth/sign-in', { form, headers });

/** What two pages may differ in: the id of the request. */
async function read(response: Response): Promise<string> {
  expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
  return response.text();
}

describe('signing in', () => {
  test('sets the same cookies as the API does, and leads on to where one came from', async () => {
    const response = await signIn({ username: 'alice', password: PASSWORD, return_to: '/orders?cursor=x' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/orders?cursor=x']);
    const [cookie, device] = response.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-hf=hf1_[A-Za-z0-9_-]{70}; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
    expect(device).toMatch(/^__Host-hf-device=/);
    const whoami = await auth.ask('GET', '/v1/session', { cookie: cookie?.split(';')[0] ?? '' });
    expect(await whoami.json()).toMatchObject({ session: { userId: 'id-alice' } });
  });

  test('leads to no other site, whoever made the link', async () => {
    for (const elsewhere of ['https://evil.example/', '//evil.example', '/.//evil.example', '/\\evil.example', '']) {
      const response = await signIn({ username: 'alice', password: PASSWORD, return_to: elsewhere });
      expect([response.status, response.headers.get('location')], elsewhere).toEqual([303, '/auth']);
      const page = await auth.ask('GET', `/auth/sign-in?return_to=${encodeURIComponent(elsewhere)}`);
      expect(await read(page), elsewhere).not.toContain('name="return_to"');
    }
  });

  test('says the same of an unknown user and of a wrong password, and keeps what was typed but the password', async () => {
    const [unknown, wrong] = [
      await signIn({ username: 'nobody', password: 'a wrong one' }),
      await signIn({ username: 'bob', password: 'a wrong one' }),
    ];
    expect([unknown.status, wrong.status]).toEqual([401, 401]);
    expect([...unknown.headers.keys()].sort()).toEqual([...wrong.headers.keys()].sort());
    expect(unknown.headers.getSetCookie()).toEqual([]);
    const [a, b] = [await read(unknown), await read(wrong)];
    expect(a.replace('value="nobody"', 'value="bob"')).toBe(b);
    expect(b).toContain('role="alert"');
    expect(b).not.toContain('a wrong one');
  });

  test('after too many failures says when to come back, whether the user exists or not', async () => {
    for (const username of ['dave', 'no-such-user']) {
      for (let attempt = 0; attempt < 5; attempt++) {
        expect((await signIn({ username, password: 'x' })).status).toBe(401);
      }
      const limited = await signIn({ username, password: PASSWORD });
      expect(limited.status).toBe(429);
      expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await read(limited)).toContain('Too many logins');
    }
  });

  test('shows markup that was typed as the text it is', async () => {
    const html = await read(await signIn({ username: '"><script>alert(1)</script>', password: 'x' }));
    expect(html).not.toContain('<script');
    expect(html).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  });

  test('lets password managers fill in the form', async () => {
    const html = await read(await auth.ask('GET', '/auth/sign-in'));
    expect(html).toMatch(/<input id="username" name="username"[^>]* autocomplete="username"/);
    expect(html).toMatch(/<input id="password" name="password" type="password" autocomplete="current-password"/);
  });

  test('who is signed in already is led on, and asked for nothing', async () => {
    const { cookie } = await auth.logIn();
    const response = await auth.ask('GET', '/auth/sign-in?return_to=/orders', { cookie });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/orders']);
  });

  test('who must authenticate once more is asked to, signed in or not, and then has a new session', async () => {
    const { cookie } = await auth.logIn();
    const asked = await auth.ask('GET', '/auth/sign-in?return_to=/orders&reason=reauthentication-required', { cookie });
    expect(await read(asked)).toContain('please enter your password again');
    const form = { username: 'alice', password: PASSWORD, return_to: '/orders' };
    const again = await auth.ask('POST', '/auth/sign-in', { cookie, form, headers: fromNewAddress() });
    expect([again.status, again.headers.get('location')]).toEqual([303, '/orders']);
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(401);
  });

  test('tells why the session is over, in words of its own', async () => {
    const told = await read(await auth.ask('GET', '/auth/sign-in?reason=session-expired-idle'));
    expect(told).toContain('because nothing was done for a while');
    const made = await read(await auth.ask('GET', '/auth/sign-in?reason=Call+0900-1234'));
    expect(made).not.toContain('0900');
  });
});

describe('without a live session', () => {
  test.each([
    ['GET', '/auth'],
    ['GET', '/auth/devices?done=one'],
    ['POST', '/auth/devices'],
  ])('%s %s leads to the sign-in page and back', async (method, path) => {
    const form = method === 'POST' ? { form: { session: 'others' } } : {};
    const response = await auth.ask(method, path, form);
    expect(response.status).toBe(303);
    const to = new URL(response.headers.get('location') ?? '', 'https://shop.example');
    expect([to.pathname, to.searchParams.get('return_to')]).toEqual(['/auth/sign-in', path]);
  });

  test('a session that was ended elsewhere is said to be', async () => {
    const [{ cookie }, other] = [await auth.logIn('carol'), await auth.logIn('carol')];
    await auth.ask('POST', '/auth/devices', { cookie: other.cookie, form: { session: 'others' } });
    const response = await auth.ask('GET', '/auth/devices', { cookie });
    expect(response.headers.get('location')).toContain('reason=session-revoked');
    expect(response.headers.getSetCookie()).toEqual([]);
  });
});

describe('your devices', () => {
  test('are in words, one’s own only, with this one marked, and no token', async () => {
    const browser =
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
    const phone =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1';
    await auth.logIn('bob', { 'user-agent': '<b>curl</b>', 'x-forwarded-for': '10.9.8.7' });
    const own = await auth.logIn('erin', { 'user-agent': browser, 'x-forwarded-for': '198.51.100.7' });
    await auth.logIn('erin', { 'user-agent': phone, 'x-forwarded-for': '192.168.0.7' });
    const html = await read(await auth.ask('GET', '/auth/devices', { cookie: own.cookie }));
    expect(html.match(/<li>/g)).toHaveLength(2);
    expect(html).toMatch(
      /Chrome on Windows <span class="badge">This device<\/span>[\s\S]*the address 198\.51\.100\.7[\s\S]*Safari on iPhone[\s\S]*a private network \(192\.168\.0\.7\)/,
    );
    expect(html).not.toMatch(/hf1_|curl|10\.9\.8\.7/);
  });

  test('one of them can be signed out, which ends nobody else’s, whatever id is sent', async () => {
    const [one, two, stranger] = [await auth.logIn('frank'), await auth.logIn('frank'), await auth.logIn('alice')];
    const form = (session: string) => auth.ask('POST', '/auth/devices', { cookie: one.cookie, form: { session } });
    for (const session of [two.id, stranger.id, 'no-id']) {
      const response = await form(session);
      expect([response.status, response.headers.get('location')]).toEqual([303, '/auth/devices?done=one']);
    }
    const alive = async ({ cookie }: { cookie: string }) => (await auth.ask('GET', '/v1/session', { cookie })).status;
    expect([await alive(one), await alive(two), await alive(stranger)]).toEqual([200, 401, 200]);
    const own = await form(one.id);
    expect(own.headers.get('location')).toBe('/auth/signed-out');
    expect(own.headers.getSetCookie()[0]).toMatch(/^__Host-hf=; Path=\/; Max-Age=0/);
    expect(await alive(one)).toBe(401);
  });
});

test('signing out ends the session and clears its cookie, and can be done twice', async () => {
  const { cookie } = await auth.logIn();
  for (let round = 0; round < 2; round++) {
    const response = await auth.ask('POST', '/auth/sign-out', { cookie, form: {} });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/auth/signed-out']);
    expect(response.headers.getSetCookie()[0]).toMatch(/^__Host-hf=; Path=\/; Max-Age=0/);
  }
  expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(401);
});

test('a link can sign nobody out: it only asks', async () => {
  const { cookie } = await auth.logIn();
  expect(await read(await auth.ask('GET', '/auth/sign-out', { cookie }))).toContain('Sign out?');
  expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
});

describe('every page', () => {
  const paths = [
    '/auth',
    '/auth/devices',
    '/auth/sign-in?reason=session-revoked',
    '/auth/sign-out',
    '/auth/signed-out',
    '/auth/nothing',
  ];
  test.each(paths)('%s is small, is not kept, and lets nothing in from elsewhere', async (path) => {
    const { cookie } = await auth.logIn();
    const headers = path.includes('sign-in') ? {} : { cookie };
    const response = await auth.ask('GET', path, headers);
    const html = await read(response);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(Buffer.byteLength(html)).toBeLessThan(20_000);
    expect(html).not.toMatch(/<script|\son\w+=|\sstyle=|src=|@import|url\(/);
    // The only address in it that is not of this site is the name of SVG.
    expect(html.replaceAll(/http%3A%2F%2Fwww\.w3\.org%2F2000%2Fsvg/g, '')).not.toMatch(/https?:|%3A%2F%2F/);
  });
});

describe('a form of another site', () => {
  const forms: [path: string, form: Record<string, string>][] = [
    ['/auth/sign-in', { username: 'alice', password: PASSWORD }],
    ['/auth/sign-out', {}],
    ['/auth/devices', { session: 'others' }],
  ];
  test.each(forms)('to %s does nothing, with a cookie or without', async (path, form) => {
    const { cookie } = await auth.logIn();
    const from = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'https://blog.shop.example' },
    ];
    for (const headers of from) {
      for (const credential of [{}, { cookie }]) {
        const response = await auth.ask('POST', path, { form, headers, ...credential });
        expect(response.status).toBe(403);
        expect(response.headers.getSetCookie()).toEqual([]);
        expect(await read(response)).toContain('from another site');
      }
    }
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
  });
});

test('while the store is down every page says that this signs nobody out, comes back by itself, and touches no cookie', async () => {
  const { cookie } = await auth.logIn();
  await auth.redis.killed();
  try {
    for (const path of ['/auth', '/auth/devices', '/auth/sign-in']) {
      const response = await auth.ask('GET', path, { cookie });
      expect([response.status, response.headers.get('retry-after')], path).toEqual([503, '1']);
      expect(Number(response.headers.get('refresh')), path).toBeGreaterThanOrEqual(1);
      expect(response.headers.getSetCookie(), path).toEqual([]);
      const html = await read(response);
      expect(html).toContain('This does not sign you out.');
      expect(html).not.toMatch(/still signed in|nothing of yours is lost/);
      expect(html).toContain(`href="${path}">Try again</a>`);
    }
    const signOut = await auth.ask('POST', '/auth/sign-out', { cookie, form: {} });
    expect([signOut.status, signOut.headers.get('refresh'), signOut.headers.getSetCookie()]).toEqual([503, null, []]);
    expect(await read(signOut)).toContain(
      '<form method="post" action="/auth/sign-out"><button class="button">Try again</button></form>',
    );
    const login = await signIn({ username: 'alice', password: PASSWORD, return_to: '/orders' });
    expect(login.status).toBe(503);
    const loginHtml = await read(login);
    expect(loginHtml).toContain('href="/auth/sign-in?return_to=%2Forders">Try again</a>');
    expect(loginHtml).not.toContain(PASSWORD);
    expect((await auth.ask('GET', '/auth/signed-out')).status).toBe(200);
  } finally {
    await auth.redis.start();
  }
  await pollUntil(
    'the session to work again',
    10_000,
    async () => (await auth.ask('GET', '/auth', { cookie })).status === 200,
  );
}, 60_000);

test('no password and no token is ever logged', () => {
  const log = auth.logText();
  for (const secret of [PASSWORD, 'a wrong one', 'hf1_']) expect(log.includes(secret)).toBe(false);
});
